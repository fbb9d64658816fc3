"""A loss that swings from update to update is named; restless batches and turning tasks are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from watching import names, watch


def line(
    rate: float, *, updates: int = 40, rows: int = 100, bias: bool = True, noise: float = 0.0
) -> None:
    torch.set_num_threads(1)
    x = torch.randn(rows, 1)
    y = 2 * x + 1 + noise * torch.randn(rows, 1)
    model = nn.Linear(1, 1, bias=bias)
    steepest = 2 * float(x.square().mean())
    optimizer = torch.optim.SGD(model.parameters(), lr=rate / steepest)
    for _ in range(updates):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()


def absolute(rate: float, *, updates: int = 60) -> None:
    """Absolute errors: the gradient does not shrink near the minimum, so the rate alone decides."""
    torch.set_num_threads(1)
    x = torch.linspace(-2, 2, 60)[:, None]
    model = nn.Linear(1, 1)
    nn.init.constant_(model.weight, -0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(updates):
        optimizer.zero_grad()
        nn.functional.l1_loss(model(x), 0.8 * x + 0.3 + 0.1 * (3 * x).sin()).backward()
        optimizer.step()


def heavy(momentum: float, *, dropout: float = 0.0, rate: float = 0.5, fresh: bool = False) -> None:
    """A linear model of always the same rows, with a memory of its updates."""
    torch.set_num_threads(1)
    x = torch.randn(200, 6)
    y = x @ torch.tensor([[1.0], [-0.5], [0.3], [0.0], [0.8], [-0.2]]) + 0.4 * torch.randn(200, 1)
    model = nn.Sequential(nn.Dropout(dropout), nn.Linear(6, 1)) if dropout else nn.Linear(6, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    for _ in range(90):
        rows = torch.randint(200, (20,)) if fresh else torch.arange(200)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()


def batches(rate: float) -> None:
    model = nn.Linear(6, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    for _ in range(40):
        x = torch.randn(8, 6)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x[:, :1] + torch.randn(8, 1)).backward()
        optimizer.step()


def tasks_in_turn() -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(40):
        x = torch.randn(16, 4)
        sign = 1.0 if step % 2 else -1.0
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), sign * x[:, :1]).backward()
        optimizer.step()


def turning_but_learning() -> None:
    model = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    x = torch.randn(60, 6)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), x[:, :3].argmax(1)).backward()
        optimizer.step()


SICK: dict[str, Callable[[], None]] = {
    "absolute error": lambda: absolute(0.8),
    "on the edge": lambda: line(2.0, bias=False),
    "just below": lambda: line(1.99, bias=False, rows=30),
    "short": lambda: line(2.0, updates=14, bias=False, rows=9),
}

HEALTHY: dict[str, Callable[[], None]] = {
    "absolute error, a small rate": lambda: absolute(0.03),
    "absolute error, still on its way": lambda: absolute(0.01),
    "momentum that settles": lambda: heavy(0.9, rate=0.3),
    "momentum on a sound rate": lambda: heavy(0.97, rate=0.02),
    "dropout and the same rows": lambda: heavy(0.5, dropout=0.5, rate=0.05),
    "momentum and other rows": lambda: heavy(0.9, rate=0.02, fresh=True),
    "past the minimum and settling": lambda: line(1.5),
    "well below": lambda: line(0.3),
    "restless batches": lambda: batches(0.05),
    "more restless": lambda: batches(0.15),
    "tasks in turn": tasks_in_turn,
    "turning but learning": turning_but_learning,
}


@pytest.mark.parametrize("case", SICK)
def test_a_loss_that_swings_is_named(case: str) -> None:
    (finding,) = watch(SICK[case]).findings
    assert finding.rule == "zigzag-loss"
    assert "points against the last" in finding.message
    assert "lr=" in finding.fix


@pytest.mark.parametrize("case", HEALTHY)
def test_a_restless_or_a_settling_loss_is_silent(case: str) -> None:
    assert "zigzag-loss" not in names(HEALTHY[case])


def test_long_waves_over_the_same_rows_are_named() -> None:
    (finding,) = watch(lambda: heavy(0.995)).findings
    assert finding.rule == "zigzag-loss"
    assert "before, on the same rows" in finding.message


def at_the_edge(rate: float, *, updates: int = 200, noise: float = 0.0, kind: str = "SGD") -> None:
    """A tanh network on all points at once: it comes down, then begins to swing."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    angle, speed = 3 * torch.randn(256, 1), torch.randn(256, 1)
    x = torch.cat([angle.sin(), angle.cos(), speed], 1)
    y = 0.5 * speed**2 + 1 - angle.cos()
    y = (y - y.mean()) / y.std()
    model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate)
    for _ in range(updates):
        optimizer.zero_grad()
        targets = y + noise * torch.randn(256, 1)
        nn.functional.mse_loss(model(x), targets).backward()
        optimizer.step()


LATE: dict[str, Callable[[], None]] = {
    "long after the start": lambda: at_the_edge(0.4),
    "a few updates longer": lambda: at_the_edge(0.4, updates=150),
}
SETTLING: dict[str, Callable[[], None]] = {
    "a smaller rate": lambda: at_the_edge(0.1),
    "targets with noise": lambda: at_the_edge(0.05, noise=1.0),
    "adam": lambda: at_the_edge(0.01, kind="Adam"),
}


@pytest.mark.parametrize("case", LATE)
def test_a_swing_that_begins_late_is_seen_in_the_loss(case: str) -> None:
    (finding,) = watch(LATE[case]).findings
    assert finding.rule == "zigzag-loss"
    assert "on the same rows" in finding.message


@pytest.mark.parametrize("case", SETTLING)
def test_what_settles_on_the_same_rows_is_silent(case: str) -> None:
    assert names(SETTLING[case]) == []
