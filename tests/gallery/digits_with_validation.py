"""The ordinary classifier: loaders, dropout, batch norm, validation in eval mode, the best kept."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    centres = 2 * torch.randn(4, 10)
    y = torch.randint(4, (320,))
    x = centres[y] + torch.randn(320, 10)
    train = DataLoader(TensorDataset(x[:256], y[:256]), batch_size=32, shuffle=True)
    held = DataLoader(TensorDataset(x[256:], y[256:]), batch_size=32)
    model = nn.Sequential(
        nn.Linear(10, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 4)
    )
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)
    best, kept = 0.0, copy.deepcopy(model.state_dict())
    for _ in range(6):
        model.train()
        total = 0.0
        for inputs, targets in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), targets)
            loss.backward()
            optimizer.step()
            total += loss.item()
        schedule.step()
        model.eval()
        right = 0
        with torch.no_grad():
            for inputs, targets in held:
                right += int((model(inputs).argmax(1) == targets).sum())
        if right > best:
            best, kept = right, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
