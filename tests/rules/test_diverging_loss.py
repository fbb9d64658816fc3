"""A loss that climbs and stays away is named, restless or not; one that may rise is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from watching import names, watch

CENTRES = 1.5 * torch.randn(5, 10, generator=torch.Generator().manual_seed(4))


def classify(factor: Callable[[int], float], *, updates: int = 240, rate: float = 0.05) -> None:
    """Small batches, one label in ten wrong, and a rate that changes."""
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    for at in range(updates):
        optimizer.param_groups[0]["lr"] = rate * factor(at)
        targets = torch.randint(5, (8,))
        optimizer.zero_grad()
        scores = model(CENTRES[targets] + torch.randn(8, 10))
        targets = torch.where(torch.rand(8) < 0.1, torch.randint(5, (8,)), targets)
        nn.functional.cross_entropy(scores, targets).backward()
        optimizer.step()


def range_test() -> None:
    """From a millionth to three, without a stop: the last rates are too high, and are meant to be."""
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 5))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    for at in range(100):
        optimizer.param_groups[0]["lr"] = 1e-6 * 3e6 ** (at / 99)
        targets = torch.randint(5, (32,))
        optimizer.zero_grad()
        scores = model(CENTRES[targets] + torch.randn(32, 10))
        nn.functional.cross_entropy(scores, targets).backward()
        optimizer.step()


def values(*, copied: bool = False) -> None:
    """Values that grow as they are learned: the error grows with them and jumps about."""
    torch.set_num_threads(1)
    model, target_model = nn.Linear(3, 1), nn.Linear(3, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    for at in range(200):
        states = torch.rand(16, 3)
        reward = (torch.rand(16, 1) < min(0.5, at / 300)).float() * at / 40
        if copied:
            target_model.load_state_dict(model.state_dict())
            target = reward + 0.9 * target_model(states + 0.1).detach()
        else:
            with torch.no_grad():
                target = reward + 0.9 * model(states + 0.1)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(states), target).backward()
        optimizer.step()


def curriculum() -> None:
    """Harder tasks come later: each is learned, and each starts higher."""
    torch.set_num_threads(1)
    model = nn.Linear(6, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for at in range(120):
        size = 1 + at / 120
        x = torch.randn(16, 6) * size
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x[:, :1].square() / 2).backward()
        optimizer.step()


SILENT: dict[str, Callable[[], None]] = {
    "a range test": range_test,
    "values that grow": values,
    "values by a model of their own": lambda: values(copied=True),
    "harder tasks": curriculum,
    "warm-up": lambda: classify(lambda at: min(1.0, (at + 1) / 60)),
    "a rate that doubles": lambda: classify(lambda at: 2.0 ** (at // 80)),
}


def test_a_restless_loss_that_goes_far_away_is_named() -> None:
    (finding,) = watch(lambda: classify(lambda at: 1.6 ** (at // 10))).findings
    assert finding.rule == "diverging-loss"


@pytest.mark.parametrize("case", SILENT)
def test_a_loss_that_may_rise_is_silent(case: str) -> None:
    assert names(SILENT[case]) == []
