"""Quantiles: predictions [B, Q] against targets [B, 1], broadcast on purpose."""

from __future__ import annotations

import torch
from torch import nn


def main() -> None:
    levels = torch.tensor([0.1, 0.5, 0.9])
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(60):
        x = torch.randn(32, 4)
        y = x[:, :1] + torch.randn(32, 1)
        error = y - model(x)
        loss = torch.maximum(levels * error, (levels - 1) * error).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
