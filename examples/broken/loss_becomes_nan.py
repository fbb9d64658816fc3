"""Benign or not? The loss is written by hand, with the logarithm of what can become 0."""

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
measurements, benign = load_breast_cancer(return_X_y=True)
x = torch.tensor(measurements, dtype=torch.float32)
y = torch.tensor(benign, dtype=torch.float32).unsqueeze(1)
x = (x - x.mean(0)) / x.std(0)

loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
optimizer = torch.optim.SGD(model.parameters(), lr=0.5)

for epoch in range(20):
    for xb, yb in loader:
        p = model(xb)
        loss = -(yb * torch.log(p) + (1 - yb) * torch.log(1 - p)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch:2}  loss {loss.item():.3f}")
