"""A deep classifier for two rings."""
# fault: linear-stack

import torch
import torch.nn as nn
from sklearn.datasets import make_circles
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)

X, y = make_circles(n_samples=600, noise=0.05, factor=0.5, random_state=0)
X = torch.from_numpy(X).type(torch.float)
y = torch.from_numpy(y).type(torch.float)
loader = DataLoader(TensorDataset(X[:480], y[:480]), batch_size=48, shuffle=True)


class CircleModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer_1 = nn.Linear(in_features=2, out_features=10)
        self.layer_2 = nn.Linear(in_features=10, out_features=10)
        self.layer_3 = nn.Linear(in_features=10, out_features=1)

    def forward(self, x):
        return self.layer_3(self.layer_2(self.layer_1(x)))


model = CircleModel()
loss_fn = nn.BCEWithLogitsLoss()
optimizer = torch.optim.SGD(params=model.parameters(), lr=0.1)


def accuracy_fn(y_true, y_pred):
    return 100 * torch.eq(y_true, y_pred).sum().item() / len(y_pred)


for epoch in range(8):
    model.train()
    for xb, yb in loader:
        logits = model(xb).squeeze()
        loss = loss_fn(logits, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        predicted = torch.round(torch.sigmoid(model(X[480:]).squeeze()))
        print(f"epoch {epoch}: loss {loss:.5f} | test acc {accuracy_fn(y[480:], predicted):.1f}%")
