"""Meta-learning: inner gradients by autograd.grad with a graph, one outer update for all tasks."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        for _ in range(4):
            phase, x = torch.rand(1) * 3, torch.rand(10, 1) * 4 - 2
            y = torch.sin(x + phase)
            weights = dict(model.named_parameters())
            loss = F.mse_loss(torch.func.functional_call(model, weights, (x,)), y)
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            fast = {n: w - 0.01 * g for (n, w), g in zip(weights.items(), slopes, strict=True)}
            (F.mse_loss(torch.func.functional_call(model, fast, (x,)), y) / 4).backward()
        optimizer.step()
