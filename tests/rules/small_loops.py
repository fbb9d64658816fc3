"""Small data, small models and the plain loop, for the tests of the rules about the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

Pair = tuple[torch.Tensor, torch.Tensor]
Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def network(features: int, outputs: int, *last: nn.Module) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, outputs), *last)


def lumps(classes: int = 3, features: int = 8, rows: int = 300) -> Pair:
    """Points around one centre for each class, and the numbers of the classes."""
    centres = 1.5 * torch.randn(classes, features)
    labels = torch.randint(classes, (rows,))
    return centres[labels] + torch.randn(rows, features), labels


def line(features: int = 4, rows: int = 300) -> Pair:
    """A linear map with noise: targets (rows, 1)."""
    x = torch.randn(rows, features)
    return x, 2 * x[:, :1] - x[:, 1:2] + 0.1 * torch.randn(rows, 1)


def batches(x: torch.Tensor, y: torch.Tensor, size: int = 16, count: int = 20) -> Iterator[Pair]:
    for _ in range(count):
        chosen = torch.randint(len(x), (size,))
        yield x[chosen], y[chosen]


def fit(
    model: nn.Module,
    loss_fn: Loss,
    data: Iterable[Pair],
    optimizer: torch.optim.Optimizer | None = None,
    after: Callable[[torch.Tensor, torch.Tensor], Any] | None = None,
) -> None:
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-2)
    for inputs, targets in data:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if after is not None:
            after(inputs, targets)
