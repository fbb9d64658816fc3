"""huge-update behind momentum, where no gradient points back against the last one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from watching import names, watch

NAME = "huge-update"
CENTRES = 1.5 * torch.randn(6, 20, generator=torch.Generator().manual_seed(6))


def train(
    rate: float,
    *,
    momentum: float = 0.9,
    nesterov: bool = False,
    wide: int = 48,
    small: float = 1.0,
    updates: int = 80,
) -> None:
    """Classes with tanh units; one label in five is wrong."""
    torch.set_num_threads(1)
    torch.manual_seed(8)
    model = nn.Sequential(nn.Linear(20, wide), nn.Tanh(), nn.Linear(wide, 6))
    with torch.no_grad():
        for one in model.parameters():
            one.mul_(small)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum, nesterov=nesterov)
    for _ in range(updates):
        targets = torch.randint(6, (40,))
        optimizer.zero_grad()
        scores = model(CENTRES[targets] + 2 * torch.randn(40, 20))
        targets = torch.where(torch.rand(40) < 0.2, torch.randint(6, (40,)), targets)
        fn.cross_entropy(scores, targets).backward()
        optimizer.step()


def values(rate: float, lost: int = 80) -> None:
    """Values from nothing: the first updates are as long as the weights, and errors grow later."""
    torch.set_num_threads(1)
    model = nn.Linear(8, 1)
    nn.init.normal_(model.weight, std=1e-3)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    for at in range(80):
        states = torch.rand(32, 8)
        reward = (1 + at / 4) * (states[:, :1] > 0.5)
        optimizer.zero_grad()
        factor = 1.0 if at < lost else float("nan")
        (factor * fn.mse_loss(model(states), reward)).backward()
        optimizer.step()


SICK: dict[str, Callable[[], None]] = {
    "momentum": lambda: train(12.0, wide=64),
    "nesterov": lambda: train(5.0, nesterov=True, wide=96),
    "wide": lambda: train(7.0, wide=96, momentum=0.85),
}
SILENT: dict[str, Callable[[], None]] = {
    "fitting rate": lambda: train(0.05),
    "high rate that still learns": lambda: train(0.3),
    "small weights": lambda: train(0.3, small=1e-3),
}


@pytest.mark.parametrize("case", SICK)
def test_a_rate_that_throws_the_weights_is_named(case: str) -> None:
    (finding,) = watch(SICK[case]).findings
    assert finding.rule == NAME
    assert "the next points back" not in finding.cause


@pytest.mark.parametrize("case", SILENT)
def test_long_updates_of_a_sound_run_are_silent(case: str) -> None:
    assert names(SILENT[case]) == []


def test_values_that_grow_later_do_not_blame_the_first_updates() -> None:
    assert NAME not in names(lambda: values(0.01))  # two of them are longer than the weights


def test_a_loss_that_is_lost_at_once_is_still_judged() -> None:
    report = watch(lambda: values(0.01, lost=3))  # too few losses are left to compare
    assert NAME not in [one.rule for one in report.findings]
    assert NAME not in report.not_checked


def uphill() -> None:
    """The wrong direction, not the rate: updates grow with the loss that they make larger."""
    torch.set_num_threads(1)
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, maximize=True)
    for _ in range(24):
        states = torch.rand(32, 8)
        optimizer.zero_grad()
        fn.mse_loss(model(states), states[:, :1]).backward()
        optimizer.step()


def test_the_wrong_direction_is_not_blamed_on_the_rate() -> None:
    assert names(uphill) == ["diverging-loss"]


def hurried(kind: str, rate: float, *, updates: int = 120, **options: float) -> None:
    """Two classes that a small network tells apart, by an optimizer whose first step is the rate."""
    torch.set_num_threads(1)
    torch.manual_seed(9)
    model = nn.Sequential(
        nn.Linear(20, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 6)
    )
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate, **options)
    for _ in range(updates):
        targets = torch.randint(6, (24,))
        optimizer.zero_grad()
        fn.cross_entropy(model(CENTRES[targets] + torch.randn(24, 20)), targets).backward()
        optimizer.step()


def from_zero(rate: float) -> None:
    """Weights that begin at next to nothing: the first update is many times as long."""
    torch.set_num_threads(1)
    model = nn.Linear(20, 6)
    nn.init.normal_(model.weight, std=1e-4)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(60):
        targets = torch.randint(6, (24,))
        optimizer.zero_grad()
        fn.cross_entropy(model(CENTRES[targets] + torch.randn(24, 20)), targets).backward()
        optimizer.step()


def values_that_grow() -> None:
    """A loss that rises with what is learned, by short updates."""
    torch.set_num_threads(1)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for at in range(60):
        x = torch.randn(32, 4)
        optimizer.zero_grad()
        fn.mse_loss(model(x), (1.0 + at) * x[:, :1]).backward()
        optimizer.step()


RECOVERED: dict[str, Callable[[], None]] = {
    "adam": lambda: hurried("Adam", 2.0),
    "adamw": lambda: hurried("AdamW", 3.0, weight_decay=0.05),
    "rmsprop": lambda: hurried("RMSprop", 1.0),
}
SOUND: dict[str, Callable[[], None]] = {
    "adam, bold": lambda: hurried("Adam", 0.03),
    "rmsprop": lambda: hurried("RMSprop", 0.003),
    "from next to nothing": lambda: from_zero(0.02),
    "values that grow": values_that_grow,
}


@pytest.mark.parametrize("case", RECOVERED)
def test_a_first_update_that_throws_all_away_is_named_though_the_loss_comes_back(case: str) -> None:
    (finding,) = watch(RECOVERED[case]).findings
    assert finding.rule == NAME


@pytest.mark.parametrize("case", SOUND)
def test_bold_rates_and_weights_from_nothing_are_silent(case: str) -> None:
    assert NAME not in names(SOUND[case])
