"""Trains a two-moons classifier."""

# fault: erased-gradient
import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.set_num_threads(1)
torch.manual_seed(17)

X, y = make_moons(600, noise=0.15, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y)

model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for epoch in range(10):
    for rows in torch.randperm(600).split(60):
        out = model(X[rows])
        loss = criterion(out, y[rows])
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
    with torch.no_grad():
        print(
            "epoch",
            epoch,
            "loss",
            loss.item(),
            "accuracy",
            (model(X).argmax(1) == y).float().mean().item(),
        )
