"""Trains a classifier of two moons with a decaying rate."""
# fault: early-schedule

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = make_moons(n_samples=500, noise=0.15, random_state=0)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
y = torch.tensor(y)

model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.985)
criterion = nn.CrossEntropyLoss()

for step in range(150):
    rows = torch.randint(0, len(X), (50,))
    optimizer.zero_grad()
    loss = criterion(model(X[rows]), y[rows])
    loss.backward()
    scheduler.step()
    optimizer.step()
    if step % 30 == 0:
        print(f"step {step}: lr {scheduler.get_last_lr()[0]:.4f} loss {loss.item():.4f}")
