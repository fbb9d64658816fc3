"""Trains a digit classifier with micro-batches that make up a larger batch."""
# fault: unscaled-accumulation

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    micro_batch: int = 16
    accumulate: int = 8
    epochs: int = 5
    lr: float = 0.3


cfg = Config()
torch.manual_seed(25)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X = torch.tensor(X[:1792] / 16, dtype=torch.float32)
loader = DataLoader(
    TensorDataset(X, torch.tensor(y[:1792])), batch_size=cfg.micro_batch, shuffle=True
)
model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
criterion = nn.CrossEntropyLoss()

for epoch in range(cfg.epochs):
    running = 0.0
    optimizer.zero_grad()
    for i, (xb, yb) in enumerate(loader):
        loss = criterion(model(xb), yb)
        loss.backward()
        if (i + 1) % cfg.accumulate == 0:
            optimizer.step()
            optimizer.zero_grad()
        running += loss.item()
    print(f"epoch {epoch}: loss {running / len(loader):.4f}")
