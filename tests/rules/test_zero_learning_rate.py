"""A rate of 0 that lasts is named; the start of a warm-up and the end of a schedule are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from watching import names, watch


def train(
    rate: float,
    factor: Callable[[int], float] | None = None,
    *,
    kind: str = "SGD",
    updates: int = 40,
) -> None:
    torch.set_num_threads(1)
    model = nn.Linear(4, 1)
    optimizer: Any = getattr(torch.optim, kind)(model.parameters(), lr=rate)
    schedule = lr_scheduler.LambdaLR(optimizer, factor) if factor else None
    for _ in range(updates):
        batch = torch.randn(8, 4)
        optimizer.zero_grad()
        (model(batch) - batch[:, :1]).square().mean().backward()
        optimizer.step()
        if schedule is not None:
            schedule.step()


def late(frozen: bool) -> None:
    """The first group's rate goes to 0 when iterations are no longer measured one by one."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    first = {"params": model[0].parameters()}
    optimizer = torch.optim.SGD([first, {"params": model[2].parameters()}], lr=0.05)
    for at in range(100):
        if at == 40:
            for group in optimizer.param_groups[: 1 if frozen else 2]:
                group["lr"] = 0.0 if frozen else 0.01
        batch = torch.randn(8, 4)
        optimizer.zero_grad()
        (model(batch) - batch[:, :1]).square().mean().backward()
        optimizer.step()


def groups() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    frozen = {"params": model[0].parameters(), "lr": 0.0}
    optimizer = torch.optim.SGD([frozen, {"params": model[2].parameters()}], lr=0.05)
    for _ in range(20):
        batch = torch.randn(8, 4)
        optimizer.zero_grad()
        (model(batch) - batch[:, :1]).square().mean().backward()
        optimizer.step()


SICK: dict[str, Callable[[], None]] = {
    "zero": lambda: train(0.0, kind="Adam"),
    "division": lambda: train(1 // 10, updates=12),
    "whole numbers": lambda: train(0.1, lambda at: float(at // 100)),
    "ends early": lambda: train(0.1, lambda at: max(0.0, 1 - at / 8)),
    "ends when nobody looks": lambda: train(0.1, lambda at: max(0.0, 1 - at / 40), updates=120),
    "below zero": lambda: train(0.01, lambda at: 1 - at / 12, updates=30),
}

HEALTHY: dict[str, Callable[[], None]] = {
    "warm-up": lambda: train(0.05, lambda at: min(1.0, at / 10)),
    "first epoch": lambda: train(0.05, lambda at: min(1.0, (at // 8) / 2)),
    "to the end": lambda: train(0.05, lambda at: 1 - at / 40),
    "a little longer": lambda: train(0.05, lambda at: max(0.0, 1 - at / 36)),
    "to the end of many": lambda: train(0.05, lambda at: 1 - at / 120, updates=120),
    "the last epoch of many": lambda: train(0.05, lambda at: float(at < 100), updates=120),
    "one group, late": lambda: late(frozen=True),
    "both groups lower, late": lambda: late(frozen=False),
    "one group": groups,
}


@pytest.mark.parametrize("case", SICK)
def test_a_rate_of_zero_that_lasts_is_named(case: str) -> None:
    (finding,) = watch(SICK[case]).findings
    assert finding.rule == "zero-learning-rate"
    assert "of optimizer is" in finding.message
    assert finding.count >= 12 or "below" in case


@pytest.mark.parametrize("case", HEALTHY)
def test_a_rate_of_zero_at_either_end_is_silent(case: str) -> None:
    assert names(HEALTHY[case]) == []
