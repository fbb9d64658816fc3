"""Fine-tuning: a frozen backbone whose BatchNorm stays in eval mode, and a new head."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())
    for parameter in backbone.parameters():
        parameter.requires_grad_(False)
    model = nn.Sequential(backbone, nn.Linear(4 * 36, 5))
    optimizer = torch.optim.SGD(model[1].parameters(), 0.01, momentum=0.9)
    model.train()
    backbone.eval()
    for _ in range(30):
        x, y = torch.rand(16, 1, 8, 8), torch.randint(5, (16,))
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
