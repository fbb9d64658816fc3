"""Nothing can be learned from these labels, so the loss stays: no fault of the loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(100):
        loss = F.cross_entropy(model(torch.randn(64, 8)), torch.randint(4, (64,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
