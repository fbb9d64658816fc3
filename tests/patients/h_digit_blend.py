"""Trains a digits classifier with mixup and a one-cycle schedule, scored on the data it learned from."""

# fault: none
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)
rng = np.random.default_rng(0)


@dataclass(frozen=True)
class Config:
    epochs: int = 5
    batch_size: int = 128
    lr: float = 5e-3
    alpha: float = 0.2


def mix(x: Tensor, y: Tensor, alpha: float) -> tuple[Tensor, Tensor, Tensor, float]:
    lam = float(rng.beta(alpha, alpha))
    order = torch.randperm(len(x))
    return lam * x + (1 - lam) * x[order], y, y[order], lam


cfg = Config()
data = load_digits()
x = torch.tensor(data.data / 16.0, dtype=torch.float32)
y = torch.tensor(data.target)
loader = DataLoader(TensorDataset(x, y), batch_size=cfg.batch_size, shuffle=True)
model = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Dropout(0.1), nn.Linear(96, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
scheduler = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=cfg.lr, total_steps=cfg.epochs * len(loader)
)
criterion = nn.CrossEntropyLoss()


def training_step(batch: tuple[Tensor, Tensor]) -> Tensor:
    mixed, a, b, lam = mix(*batch, cfg.alpha)
    logits = model(mixed)
    return lam * criterion(logits, a) + (1 - lam) * criterion(logits, b)


for epoch in range(cfg.epochs):
    model.train()
    for batch in loader:
        loss = training_step(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(x).argmax(1) == y).float().mean().item()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy:.3f}")
assert accuracy > 0.85
