"""A schedule of epochs that is stepped with every batch is named; one made for batches is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

Make = Callable[[Any], Any]


def train(
    make: Make, *, per_batch: bool = True, epochs: int = 6, rows: int = 160, kind: str = "SGD"
) -> None:
    torch.set_num_threads(1)
    x, model = torch.randn(rows, 4), nn.Linear(4, 1)
    loader = DataLoader(
        TensorDataset(x, x[:, :1] + torch.randn(rows, 1)), batch_size=8, shuffle=True
    )
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=0.02)
    scheduler = make(optimizer)
    for _ in range(epochs):
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
            if per_batch:
                scheduler.step()
        if not per_batch:
            scheduler.step()


SICK: dict[str, Make] = {
    "steps": lambda o: lr_scheduler.StepLR(o, 3, 0.1),
    "milestones": lambda o: lr_scheduler.MultiStepLR(o, [3, 5]),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "cosine of epochs": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=6),
    "decay by hand": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.8**epoch),
}

HEALTHY: dict[str, Make] = {
    "cosine of batches": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=6 * 20),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.05, total_steps=6 * 20 + 1),
    "warm-up": lambda o: lr_scheduler.LambdaLR(o, lambda at: min(1.0, (at + 1) / 30)),
    "linear": lambda o: lr_scheduler.LinearLR(o, 1.0, 0.0, total_iters=6 * 20),
    "slow": lambda o: lr_scheduler.ExponentialLR(o, 0.98),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=20),
    "cyclic": lambda o: lr_scheduler.CyclicLR(o, 1e-3, 2e-2, step_size_up=8),
    "inverse time": lambda o: lr_scheduler.LambdaLR(o, lambda at: 1 / (1 + at)),
    "early milestones": lambda o: lr_scheduler.MultiStepLR(o, [30, 60]),
    "steps of batches": lambda o: lr_scheduler.StepLR(o, 40, 0.1),
}


@pytest.mark.parametrize("case", SICK)
def test_a_schedule_of_epochs_in_the_batches_is_named(case: str) -> None:
    (finding,) = watch(lambda: train(SICK[case])).findings
    assert finding.rule == "hasty-schedule"
    assert "20 in each epoch" in finding.message
    assert "`scheduler.step()` out of the loop" in finding.fix
    assert finding.site is not None
    assert finding.site.file == __file__


@pytest.mark.parametrize("case", SICK)
def test_the_same_schedule_after_each_epoch_is_silent(case: str) -> None:
    assert names(lambda: train(SICK[case], per_batch=False, kind="Adam")) == []


@pytest.mark.parametrize("case", HEALTHY)
def test_a_schedule_made_for_batches_is_silent(case: str) -> None:
    assert names(lambda: train(HEALTHY[case])) == []


def sliced(make: Make, *, per_batch: bool = True, epochs: int = 6) -> None:
    """Without a loader: epochs and batches are loops of the program's own."""
    torch.set_num_threads(1)
    x, model = torch.randn(160, 4), nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    scheduler = make(optimizer)
    for _epoch in range(epochs):
        for rows in torch.randperm(160).split(8):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x[rows]), x[rows, :1]).backward()
            optimizer.step()
            if per_batch:
                scheduler.step()
        if not per_batch:
            scheduler.step()


def folds() -> None:
    """A decay per epoch of one full batch, over again in each fold."""
    torch.set_num_threads(1)
    x, model = torch.randn(60, 4), nn.Linear(4, 1)
    for _fold in range(2):
        optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
        scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)
        for _epoch in range(110):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(x), x[:, :1] + torch.randn(60, 1)).backward()
            optimizer.step()
            scheduler.step()


def one_loop() -> None:
    """The decay of a search with no epochs: a rate for each iteration."""
    torch.set_num_threads(1)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(110):
        x = torch.randn(8, 4)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x[:, :1] + torch.randn(8, 1)).backward()
        optimizer.step()
        scheduler.step()


def rollouts() -> None:
    """The step stands after a loop of several updates: an epoch of its own kind."""
    torch.set_num_threads(1)
    x, model = torch.randn(40, 4), nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _epoch in range(4):
        for _round in range(25):
            for rows in torch.randperm(40).split(20):
                optimizer.zero_grad()
                nn.functional.mse_loss(model(x[rows]), x[rows, :1] + torch.randn(20, 1)).backward()
                optimizer.step()
            scheduler.step()


@pytest.mark.parametrize("case", ["steps", "milestones", "exponential", "decay by hand"])
def test_it_is_named_without_a_loader_too(case: str) -> None:
    (finding,) = watch(lambda: sliced(SICK[case])).findings
    assert finding.rule == "hasty-schedule"
    assert "with every batch" in finding.message
    assert "times the batches of an epoch" in finding.fix
    assert names(lambda: sliced(SICK[case], per_batch=False)) == []


@pytest.mark.parametrize("case", HEALTHY)
def test_a_schedule_made_for_batches_is_silent_without_a_loader_too(case: str) -> None:
    assert names(lambda: sliced(HEALTHY[case])) == []


@pytest.mark.parametrize("loop", [folds, one_loop, rollouts], ids=lambda loop: loop.__name__)
def test_a_decay_per_epoch_of_another_kind_is_silent(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_a_schedule_of_batches_that_is_too_short_has_its_own_name() -> None:
    def ends(optimizer: Any) -> Any:
        return lr_scheduler.LambdaLR(optimizer, lambda at: max(0.0, 1 - at / 30))

    assert names(lambda: sliced(ends)) == ["zero-learning-rate"]
