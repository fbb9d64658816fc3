"""Trains a digit classifier that withstands small shifts of its pixels."""
# fault: none

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Attack:
    size: float = 0.08

    def __call__(self, model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        shifted = x.clone().requires_grad_(True)
        F.cross_entropy(model(shifted), y).backward()
        assert shifted.grad is not None
        return (x + self.size * shifted.grad.sign()).clamp(0, 1).detach()


torch.manual_seed(7)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
loader = DataLoader(TensorDataset(X[:1500], y[:1500]), batch_size=50, shuffle=True)
model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
attack = Attack()
for epoch in range(4):
    for xb, yb in loader:
        hard = attack(model, xb, yb)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(hard), yb)
        loss.backward()
        optimizer.step()
    hard = attack(model, X[1500:], y[1500:])
    with torch.no_grad():
        accuracy = (model(hard).argmax(1) == y[1500:]).float().mean().item()
    print(f"epoch {epoch}: loss {loss.item():.4f} accuracy under attack {accuracy:.3f}")
