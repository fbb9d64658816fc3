"""The backbone carries a useless flag, and is left out of the optimizer: it does not train."""

from typing import Any

import torch
from torch import nn


def main() -> None:
    backbone: Any = nn.Sequential(nn.Linear(4, 16), nn.ReLU())
    head = nn.Linear(16, 2)
    backbone.requires_grad = False
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    for _ in range(20):
        x = torch.randn(16, 4)
        with torch.no_grad():
            features = backbone(x)
        optimizer.zero_grad()
        nn.functional.cross_entropy(head(features), (x[:, 0] > 0).long()).backward()
        optimizer.step()
