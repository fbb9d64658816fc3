"""Trains a regression of diabetes progression with a hand-written squared error."""

# fault: broadcast-loss
import torch
import torch.nn as nn
from sklearn.datasets import load_diabetes

torch.set_num_threads(1)
torch.manual_seed(10)

X, y = load_diabetes(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)


def mse(pred, true):
    return ((pred - true) ** 2).mean()


model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(12):
    for rows in torch.randperm(len(X)).split(32):
        optimizer.zero_grad()
        loss = mse(model(X[rows]), y[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        out = model(X).squeeze(1)
    print(f"epoch {epoch} loss {loss.item():.3f} spread of outputs {out.std().item():.3f}")
