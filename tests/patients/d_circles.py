"""Tell the inner circle from the outer one with a four-layer perceptron."""
# fault: linear-stack

import torch
import torch.nn as nn
import torch.optim as optim
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
torch.manual_seed(42)

X, y = make_circles(n_samples=1000, noise=0.05, factor=0.5, random_state=42)
X = torch.from_numpy(X).type(torch.float)
y = torch.from_numpy(y).type(torch.float)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)


class CircleModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(2, 32)
        self.layer_2 = nn.Linear(32, 32)
        self.layer_3 = nn.Linear(32, 16)
        self.layer_4 = nn.Linear(16, 1)

    def forward(self, x):
        return self.layer_4(self.layer_3(self.layer_2(self.layer_1(x))))


model = CircleModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = optim.SGD(model.parameters(), lr=0.1)

for epoch in range(150):
    model.train()
    y_logits = model(X_train).squeeze()
    y_pred = torch.round(torch.sigmoid(y_logits))
    loss = loss_fn(y_logits, y_train)
    acc = (y_pred == y_train).float().mean().item()

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

    model.eval()
    with torch.inference_mode():
        test_logits = model(X_test).squeeze()
        test_loss = loss_fn(test_logits, y_test).item()
        test_acc = (torch.round(torch.sigmoid(test_logits)) == y_test).float().mean().item()
    if epoch % 30 == 0:
        print(
            f"Epoch: {epoch} | Loss: {loss.item():.5f}, Accuracy: {acc:.2%} "
            f"| Test loss: {test_loss:.5f}, Test acc: {test_acc:.2%}"
        )
