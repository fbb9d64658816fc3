"""A schedule stepped first is named at its line; one wound forward, or after a skip, is not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from watching import names, watch

SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: lr_scheduler.StepLR(o, 2),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 12),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda n: min(1.0, (n + 1) / 4)),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=40),
}


def train(make: Callable[[Any], Any], order: str, *, epochs: int = 4, wound: int = 0) -> None:
    torch.manual_seed(0)
    x, model = torch.randn(32, 4), nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    scheduler = make(optimizer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of the order as well
        for _ in range(wound):
            scheduler.step()
        for _ in range(epochs):
            if order == "epoch first":
                scheduler.step()
            for batch in x.split(8):
                loss = (model(batch) - batch[:, :1]).square().mean()
                optimizer.zero_grad()
                loss.backward()
                if order == "between":
                    scheduler.step()
                optimizer.step()
                if order == "after":
                    scheduler.step()
            if order == "epoch last":
                scheduler.step()


@pytest.mark.parametrize("order", ["epoch first", "between"])
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_stepped_first_is_named(kind: str, order: str) -> None:
    (finding,) = watch(lambda: train(SCHEDULES[kind], order)).findings
    assert finding.rule == "early-schedule"
    assert "scheduler.step()" in finding.message
    assert "after `optimizer.step()`" in finding.fix
    assert finding.site is not None
    assert finding.site.file == __file__


@pytest.mark.parametrize("order", ["epoch last", "after"])
@pytest.mark.parametrize("wound", [0, 1, 3])
@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_stepped_last_or_wound_forward_is_silent(
    kind: str, order: str, wound: int
) -> None:
    assert "early-schedule" not in names(lambda: train(SCHEDULES[kind], order, wound=wound))


def test_an_epoch_that_ends_before_its_window_does_is_silent() -> None:
    def windows() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        scheduler = lr_scheduler.StepLR(optimizer, 5)
        count = 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(6):
                for _ in range(3):
                    (model(torch.randn(8, 4)).square().mean() / 4).backward()
                    count += 1
                    if count % 4 == 0:
                        optimizer.step()
                        optimizer.zero_grad()
                scheduler.step()

    assert "early-schedule" not in names(windows)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_stepped_by_a_hook_of_the_update_is_silent(kind: str) -> None:
    def hooked() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        scheduler = SCHEDULES[kind](optimizer)
        optimizer.register_step_post_hook(lambda *_: scheduler.step())
        for _ in range(12):
            optimizer.zero_grad()
            model(torch.randn(8, 4)).square().mean().backward()
            optimizer.step()

    assert "early-schedule" not in names(hooked)
