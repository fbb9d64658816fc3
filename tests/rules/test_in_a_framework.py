"""What frameworks wrap and hide, without any of them: the fault and its line are found all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import batches, line, network
from torch import nn
from torch.optim import lr_scheduler
from watching import names, watch

# A package's own frames are nobody's lines: it stands where packages are installed.
HIDDEN = """
def fit(model, optimizer, step, data):
    for batch in data:
        optimizer.zero_grad()
        loss = step(model, batch)
        loss.backward()
        optimizer.step()

def backward(loss):
    loss.backward()
"""
package: dict[str, Any] = {}
exec(compile(HIDDEN, "/nowhere/site-packages/framework.py", "exec"), package)
fit, backward = package["fit"], package["backward"]


class Wrapper:
    """Looks like the optimizer inside: clears through its class, steps the one inside."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.inner = inner
        self.__class__ = type("Wrapped", (Wrapper, type(inner)), {})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def step(self, closure: Any = None) -> None:
        self.inner.step()


def cleared_between(kind: Any, *, first: bool) -> Callable[[], None]:
    def loop() -> None:
        model = network(4, 1)
        optimizer: Any = kind(model.parameters(), lr=0.05)
        wrapped = Wrapper(optimizer)
        for x, y in batches(*line(), count=24):
            if first:
                wrapped.zero_grad()
            F.mse_loss(model(x), y).backward()
            if not first:
                wrapped.zero_grad()
            wrapped.step()

    return loop


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
def test_clearing_through_a_wrapper_is_clearing(kind: Any) -> None:
    assert names(cleared_between(kind, first=True)) == []
    assert names(cleared_between(kind, first=False)) == ["erased-gradient"]


def test_a_wrapper_is_no_optimizer_of_its_own() -> None:
    report = watch(cleared_between(torch.optim.SGD, first=False))
    (finding,) = report.findings
    assert "Wrapped" not in finding.message


class Inside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = network(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inner(x)


def test_a_model_inside_a_model_is_told_once() -> None:
    def loop() -> None:
        model = Inside()
        optimizer = torch.optim.SGD(list(model.parameters())[:2], 0.05)
        for number, (x, y) in enumerate(batches(*line(), count=24)):
            called = model if number % 2 else model.inner
            model.zero_grad()
            F.mse_loss(called(x), y).backward()
            optimizer.step()

    assert names(loop) == ["unheld-parameter"]


def kept_through_a_package() -> None:
    model, kept = network(4, 1), list[Any]()
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for x, y in batches(*line(), count=14):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        backward(loss)
        optimizer.step()
        kept.append(loss)  # the line


def kept_through_a_scale() -> None:
    model, total = network(4, 1), torch.zeros(())
    optimizer, scaler = torch.optim.SGD(model.parameters(), 0.01), torch.amp.GradScaler("cpu")
    for x, y in batches(*line(), count=14):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        total += loss  # the line


def kept_where_the_backward_is_hidden() -> None:
    kept = list[Any]()

    def step(model: Any, batch: Any) -> torch.Tensor:
        loss = F.mse_loss(model(batch[0]), batch[1])
        kept.append(loss)  # the line
        return loss

    model = network(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    fit(model, optimizer, step, batches(*line(), count=14))


@pytest.mark.parametrize(
    "loop", [kept_through_a_package, kept_through_a_scale, kept_where_the_backward_is_hidden]
)
def test_the_line_that_keeps_the_loss(loop: Callable[[], None]) -> None:
    (finding,) = watch(loop).findings
    assert finding.rule == "kept-graph"
    assert finding.site is not None
    assert finding.site.function == loop.__name__ or loop is kept_where_the_backward_is_hidden
    text = Path(__file__).read_text().splitlines()
    assert text[finding.site.line - 1].endswith("# the line")
    assert ".item()" in finding.fix


def test_a_hidden_backward_is_shown_at_the_line_of_its_prediction() -> None:
    def step(model: Any, batch: Any) -> torch.Tensor:
        prediction = model(batch[0])
        difference = prediction - batch[1].squeeze(1)
        return (difference**2).mean()

    def loop() -> None:
        model = network(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        fit(model, optimizer, step, batches(*line(), count=14))

    (finding,) = watch(loop).findings
    assert finding.rule == "broadcast-loss"
    assert finding.site is not None
    assert finding.site.function == "step"


def moved_by_hand(schedule_of: Callable[[Any], Any], *, moves: bool) -> Callable[[], None]:
    """As Ignite's LRScheduler: it asks the schedule for its rate and sets that itself."""

    def loop() -> None:
        model = network(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        schedule = schedule_of(optimizer)
        for x, y in batches(*line(), count=36):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()
            if moves:
                schedule._get_lr_called_within_step = True
                schedule.last_epoch += 1
                optimizer.param_groups[0]["lr"] = schedule.get_lr()[0]

    return loop


@pytest.mark.filterwarnings("ignore:To get the last learning rate")
@pytest.mark.parametrize("length", [36, 1000])
def test_a_schedule_that_somebody_else_moves_is_silent(length: int) -> None:
    def cosine(optimizer: Any) -> Any:
        return lr_scheduler.CosineAnnealingLR(optimizer, length)

    def late(optimizer: Any) -> Any:
        return lr_scheduler.StepLR(optimizer, length)

    for made in (cosine, late):
        assert names(moved_by_hand(made, moves=True)) == []
        assert names(moved_by_hand(made, moves=False)) == ["unstepped-schedule"]


class _FabricModule(nn.Module):
    """Called, it is in train mode whatever is inside."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self._forward_module = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self._forward_module(x)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_that_of_the_model_inside(training: bool) -> None:
    def loop() -> None:
        inner = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
        model = _FabricModule(inner.train(training))
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        for x, y in batches(*line(), count=24):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()

    assert names(loop) == ([] if training else ["eval-mode-training"])
