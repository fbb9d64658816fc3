"""Trains an MLP to tell healthy from worn bearings from synthetic sensor readings."""
# fault: nonfinite-input

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
torch.set_num_threads(1)


@dataclass
class Config:
    rows: int = 640
    batch_size: int = 32
    epochs: int = 4
    lr: float = 1e-3


def simulate(rows: int) -> tuple[Tensor, Tensor]:
    worn = torch.randint(0, 2, (rows,))
    temperature = 60 + 8 * worn + 4 * torch.randn(rows)
    vibration = torch.rand(rows) * (1 + worn)
    peaks = torch.poisson(1.5 + 3.0 * worn.float())
    return torch.stack([temperature, vibration, peaks], dim=1), worn


def to_features(raw: Tensor) -> Tensor:
    temperature, vibration, peaks = raw.unbind(1)
    columns = [
        (temperature - temperature.mean()) / temperature.std(),
        (vibration - vibration.mean()) / vibration.std(),
        torch.log(peaks),
    ]
    return torch.stack(columns, dim=1)


cfg = Config()
raw, labels = simulate(cfg.rows)
loader = DataLoader(
    TensorDataset(to_features(raw), labels), batch_size=cfg.batch_size, shuffle=True
)
model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2))
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)

for epoch in range(cfg.epochs):
    total = 0.0
    for features, target in loader:
        loss = nn.functional.cross_entropy(model(features), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")
