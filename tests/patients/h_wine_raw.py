"""Trains a wine classifier straight from the table."""

# fault: unscaled-input
import torch
import torch.nn as nn
from sklearn.datasets import load_wine

torch.set_num_threads(1)
torch.manual_seed(0)

wine = load_wine()
X = torch.tensor(wine.data, dtype=torch.float32)
y = torch.tensor(wine.target)

model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

for epoch in range(20):
    perm = torch.randperm(len(X))
    for i in range(0, len(X), 32):
        idx = perm[i : i + 32]
        optimizer.zero_grad()
        loss = criterion(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
    if epoch % 4 == 3:
        print("epoch", epoch, "loss", loss.item())
with torch.no_grad():
    print("accuracy", (model(X).argmax(1) == y).float().mean().item())
