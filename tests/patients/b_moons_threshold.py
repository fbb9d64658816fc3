"""Two moons with a small network, accuracy printed per epoch."""
# fault: broadcast-metric
import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

torch.set_num_threads(1)
torch.manual_seed(33)

X, y = make_moons(n_samples=500, noise=0.2, random_state=42)
X = torch.from_numpy(X).type(torch.float)
y = torch.from_numpy(y).type(torch.float)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=42)


class MoonModel(nn.Module):
    def __init__(self, hidden_units):
        super().__init__()
        self.layer_stack = nn.Sequential(
            nn.Linear(2, hidden_units),
            nn.ReLU(),
            nn.Linear(hidden_units, hidden_units),
            nn.ReLU(),
            nn.Linear(hidden_units, 1),
        )

    def forward(self, x):
        return self.layer_stack(x)


model_0 = MoonModel(16)
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(model_0.parameters(), lr=0.3, momentum=0.9)

epochs = 60
for epoch in range(epochs):
    model_0.train()
    y_logits = model_0(X_train)
    loss = loss_fn(y_logits, y_train.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    model_0.eval()
    with torch.inference_mode():
        test_logits = model_0(X_test)
        test_pred = torch.round(torch.sigmoid(test_logits))
        test_loss = loss_fn(test_logits, y_test.unsqueeze(1))
        test_acc = (test_pred == y_test).sum().item() / len(y_test) * 100
    if epoch % 10 == 0:
        print(f"Epoch: {epoch} | Loss: {loss:.5f} | Test loss: {test_loss:.5f}, Test acc: {test_acc:.2f}%")
