"""Terrain classes with micro-batches, the last short window of an epoch included."""

# fault: none
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from sklearn.datasets import make_classification
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class AccumConfig:
    micro: int = 20
    window: int = 4
    epochs: int = 5
    lr: float = 1e-2


Batch = tuple[Tensor, Tensor]


def windows(loader: DataLoader, size: int) -> Iterator[list[Batch]]:
    held: list[Batch] = []
    for batch in loader:
        held.append(batch)
        if len(held) == size:
            yield held
            held = []
    if held:
        yield held


def update(model: nn.Module, opt: torch.optim.Optimizer, window: list[Batch]) -> float:
    rows = sum(len(x) for x, _ in window)
    total = 0.0
    opt.zero_grad()
    for x, y in window:
        loss = nn.functional.cross_entropy(model(x), y, reduction="sum") / rows
        loss.backward()
        total += loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    opt.step()
    return total


torch.manual_seed(0)
cfg = AccumConfig()
X, y = make_classification(660, n_features=10, n_informative=6, n_classes=3, random_state=1)
X = torch.tensor(X, dtype=torch.float32)
X = (X - X.mean(0)) / X.std(0)
loader = DataLoader(TensorDataset(X, torch.tensor(y)), batch_size=cfg.micro, shuffle=True)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 3))
opt = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for epoch in range(cfg.epochs):
    losses = [update(model, opt, window) for window in windows(loader, cfg.window)]
    print(f"epoch {epoch} loss {sum(losses) / len(losses):.4f}")
