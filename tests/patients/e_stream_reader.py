"""Trains on an iterable data set that shuffles its own rows and varies the batch size."""
# fault: none

import random

import torch
from sklearn.datasets import load_breast_cancer
from torch import nn
from torch.utils.data import DataLoader, IterableDataset

torch.set_num_threads(1)
torch.manual_seed(20)


class Stream(IterableDataset):
    def __init__(self, x, y, seed):
        self.x, self.y = x, y
        self.random = random.Random(seed)

    def __iter__(self):
        order = list(range(len(self.y)))
        self.random.shuffle(order)
        while order:
            size = self.random.randint(8, 40)
            rows, order = order[:size], order[size:]
            yield self.x[rows], self.y[rows]


x, y = load_breast_cancer(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
loader = DataLoader(Stream(x[:460], y[:460], seed=20), batch_size=None)

net = nn.Sequential(nn.Linear(30, 24), nn.Tanh(), nn.Linear(24, 1), nn.Flatten(0))
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
loss_fn = nn.BCEWithLogitsLoss()
for epoch in range(6):
    seen, total = 0, 0.0
    for features, target in loader:
        loss = loss_fn(net(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += len(target)
        total += loss.item() * len(target)
    with torch.no_grad():
        acc = ((net(x[460:]) > 0).float() == y[460:]).float().mean().item()
    print(f"epoch {epoch}: {seen} rows, loss {total / seen:.4f}, accuracy {acc:.3f}")
