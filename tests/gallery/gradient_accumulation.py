"""Four small batches for one update, the loss divided by four."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    optimizer.zero_grad()
    for number in range(48):
        x, y = torch.randn(8, 8), torch.randint(3, (8,))
        (F.cross_entropy(model(x), y) / 4).backward()
        if (number + 1) % 4 == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
