"""A physics-informed network: derivatives of the output in the loss, one full batch."""

from __future__ import annotations

import torch
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    t = torch.linspace(0, 2, 40).unsqueeze(1).requires_grad_()
    start = torch.zeros(1, 1)
    for _ in range(80):
        u = model(t)
        (speed,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        loss = (speed + u).pow(2).mean() + (model(start) - 1).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
