"""Adversarial training: gradients of the input in eval mode, cleared before the real update."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(30):
        y = torch.randint(3, (32,))
        x = torch.randn(32, 8) + y.unsqueeze(1)
        model.eval()
        shift = torch.zeros_like(x, requires_grad=True)
        for _ in range(3):
            F.cross_entropy(model(x + shift), y).backward()
            assert shift.grad is not None
            shift.data = (shift.data + 0.02 * shift.grad.sign()).clamp(-0.1, 0.1)
            shift.grad.zero_()
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(model((x + shift).detach()), y).backward()
        optimizer.step()
