"""Trains one trunk with two losses, whose gradients are measured one after the other."""
# fault: none

from dataclasses import dataclass

import torch
from sklearn.datasets import load_iris
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Norms:
    species: float
    rebuild: float


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(4, 24), nn.ReLU())
        self.species = nn.Linear(24, 3)
        self.rebuild = nn.Linear(24, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.species(h), self.rebuild(h)

    def trunk_norm(self) -> float:
        return sum(p.grad.square().sum().item() for p in self.trunk.parameters()) ** 0.5


def step(model: Shared, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Norms:
    logits, copy = model(x)
    optimizer.zero_grad()
    F.cross_entropy(logits, y).backward(retain_graph=True)
    first = model.trunk_norm()
    (0.5 * F.mse_loss(copy, x)).backward()
    both = model.trunk_norm()
    optimizer.step()
    return Norms(first, both)


torch.manual_seed(39)
torch.set_num_threads(1)
X, y = load_iris(return_X_y=True)
x, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
x = (x - x.mean(0)) / x.std(0)
loader = DataLoader(TensorDataset(x, y), batch_size=25, shuffle=True)
model = Shared()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(15):
    for xb, yb in loader:
        norms = step(model, optimizer, xb, yb)
    if epoch % 5 == 4:
        with torch.no_grad():
            logits, copy = model(x)
            accuracy = (logits.argmax(1) == y).float().mean().item()
        print(
            f"epoch {epoch + 1}: accuracy {accuracy:.3f} rebuild {F.mse_loss(copy, x):.4f} {norms}"
        )
