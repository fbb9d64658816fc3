"""A variational autoencoder: summed losses in the thousands, sigmoid against grey values."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Coder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inward, self.mean, self.spread = nn.Linear(36, 24), nn.Linear(24, 3), nn.Linear(24, 3)
        self.outward = nn.Sequential(nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 36))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = self.inward(x).relu()
        mean, spread = self.mean(h), self.spread(h)
        z = mean + torch.randn_like(mean) * (0.5 * spread).exp()
        return self.outward(z).sigmoid(), mean, spread


def main() -> None:
    model = Coder()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(50):
        x = torch.rand(64, 36).round(decimals=1)
        again, mean, spread = model(x)
        distance = F.binary_cross_entropy(again, x, reduction="sum")
        divergence = -0.5 * torch.sum(1 + spread - mean.pow(2) - spread.exp())
        optimizer.zero_grad()
        (distance + divergence).backward()
        optimizer.step()
