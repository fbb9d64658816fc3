"""Two heads, two losses, two backwards with a kept graph, one update."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    trunk, left, right = nn.Linear(6, 16), nn.Linear(16, 3), nn.Linear(16, 1)
    parameters = [*trunk.parameters(), *left.parameters(), *right.parameters()]
    optimizer = torch.optim.Adam(parameters, 1e-2)
    for _ in range(50):
        x, y = torch.randn(32, 6), torch.randint(3, (32,))
        h = torch.tanh(trunk(x))
        optimizer.zero_grad()
        F.cross_entropy(left(h), y).backward(retain_graph=True)
        F.mse_loss(right(h), x[:, :1]).backward()
        optimizer.step()
