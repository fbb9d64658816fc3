"""Trains a regressor on house prices like those of California."""
# fault: broadcast-loss

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class House:
    income: float
    rooms: float
    age: float
    latitude: float

    def price(self) -> float:
        return 0.6 * self.income + 0.2 * self.rooms - 0.1 * self.age - 0.3 * self.latitude**2


class Houses(Dataset):
    def __init__(self, n: int, seed: int) -> None:
        g = torch.Generator().manual_seed(seed)
        self.rows = [House(*torch.randn(4, generator=g).tolist()) for _ in range(n)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[Tensor, float]:
        house = self.rows[i]
        features = torch.tensor([house.income, house.rooms, house.age, house.latitude])
        return features, house.price()


def huber(prediction: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    error = prediction - target
    small = error.abs() <= delta
    return torch.where(small, 0.5 * error**2, delta * (error.abs() - 0.5 * delta)).mean()


def run_epoch(model: nn.Module, loader: DataLoader, optimizer: torch.optim.Optimizer) -> float:
    total = 0.0
    for features, price in loader:
        optimizer.zero_grad()
        loss = huber(model(features), price.float())
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)


torch.manual_seed(9)
torch.set_num_threads(1)
loader = DataLoader(Houses(512, seed=1), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    print(f"epoch {epoch}: loss {run_epoch(model, loader, optimizer):.4f}")

with torch.no_grad():
    features, price = next(iter(DataLoader(Houses(200, seed=2), batch_size=200)))
    guess = model(features).squeeze(1)
print(f"spread of guesses {guess.std().item():.3f}, of prices {price.std().item():.3f}")
