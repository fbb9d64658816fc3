"""A rate that cannot bring the loss down is named; small rates that are right are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from watching import names, watch

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def train(
    kind: str, rate: float, *, updates: int = 30, model: Any = None, loss: Loss = fn.cross_entropy,
    clip: float = 0.0, warm_up: int = 0, dtype: torch.dtype = torch.float32, batch: int = 32, **options: float,
) -> None:  # fmt: skip
    torch.set_num_threads(1)
    model = model or nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 4))
    model = model.to(dtype)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate, **options)
    centres = torch.randn(4, 12)
    for step in range(updates):
        if warm_up:
            optimizer.param_groups[0]["lr"] = rate * (step + 1) / warm_up
        targets = torch.randint(4, (batch,))
        inputs = (centres[targets] + torch.randn(batch, 12)).to(dtype)
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()


def by_hand(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return (prediction - fn.one_hot(targets, 4)).square().mean()


def summed(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return 1e5 * fn.cross_entropy(prediction, targets, reduction="sum")


SICK: dict[str, Callable[[], None]] = {
    "short": lambda: train("SGD", 1e-7, updates=12),
    "hundred": lambda: train("SGD", 1e-5, updates=100),
    "momentum": lambda: train("SGD", 1e-7, momentum=0.9),
    "adam": lambda: train("Adam", 1e-8),
    "by hand": lambda: train("AdamW", 1e-9, loss=by_hand),
    "linear": lambda: train("RMSprop", 1e-9, model=nn.Linear(12, 4)),
    "few rows": lambda: train("SGD", 1e-7, batch=8, updates=60),
    "full depth": lambda: train(
        "Adagrad",
        1e-7,
        model=nn.Sequential(nn.Linear(12, 20), nn.LayerNorm(20), nn.GELU(), nn.Linear(20, 4)),
    ),
}

HEALTHY: dict[str, Callable[[], None]] = {
    "slow but sure": lambda: train("SGD", 1e-3, updates=20),
    "fine-tuning": lambda: train("AdamW", 2e-5, updates=100),
    "summed": lambda: train("SGD", 1e-8, loss=summed),
    "warm-up": lambda: train("SGD", 1e-6, warm_up=1000),
    "usual": lambda: train("Adam", 1e-3),
    "clipped": lambda: train("SGD", 0.1, clip=0.5),
}


@pytest.mark.parametrize("case", SICK)
def test_a_rate_far_too_low_is_named(case: str) -> None:
    (finding,) = watch(SICK[case]).findings
    assert finding.rule == "tiny-update"
    assert "far too low" in finding.cause
    assert finding.site is not None
    assert finding.site.file == __file__


@pytest.mark.parametrize("case", HEALTHY)
def test_a_small_rate_that_is_right_is_silent(case: str) -> None:
    assert names(HEALTHY[case]) == []


def test_clipping_to_nothing_is_the_cause_where_it_is() -> None:
    (finding,) = watch(lambda: train("SGD", 0.01, clip=1e-6)).findings
    assert "clipped to 1e-06" in finding.cause
    assert "limit" in finding.fix


def test_changes_below_the_last_digit_are_the_cause_where_they_are() -> None:
    (finding,) = watch(
        lambda: train("SGD", 1e-7, dtype=torch.bfloat16, model=nn.Linear(12, 4, bias=False))
    ).findings
    assert "last digit" in finding.cause
    assert "float32" in finding.fix


def test_a_trained_model_with_a_tiny_rate_is_silent() -> None:
    model = nn.Linear(6, 1)
    with torch.no_grad():
        model.weight.copy_(torch.arange(6.0).reshape(1, 6))
        model.bias.zero_()

    def tune() -> None:
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
        for _ in range(60):
            x = torch.randn(32, 6)
            loss = (
                (model(x) - x @ torch.arange(6.0).reshape(6, 1) - torch.randn(32, 1))
                .square()
                .mean()
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert names(tune) == []
