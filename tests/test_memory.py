"""However long the run, what is kept of it stays bounded: events, series, everything reachable."""

from __future__ import annotations

import gc
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.doctor import listen
from fivestep.vitals import Backward, Record
from fivestep.vitals.codec import encode

Loop = Callable[[int], None]
POINTS, RECENT, KEPT, ALIKE = 32, 8, 6, 2
ELSEWHERE = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)


LIMITS = {
    "record": {"POINTS": POINTS, "RECENT": RECENT},
    "samples": {"FORWARDS": 20, "PASSES": 8},
    "recording.notes": {"KEPT": KEPT, "RECENT": 32},
    "recording.kept": {"KEPT": KEPT, "ALIKE": ALIKE},
    "recording.sampling": {"FIRST": 8, "OTHERS": 4, "EVERY": 8, "RARELY": 2},
    "recording.updating": {"RATES": 16},
    "recording.replay": {"RATES": 16},
    "recording.states": {"STATES": 16},
}


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of a long run, reached in a short one."""
    for module, limits in LIMITS.items():
        for name, limit in limits.items():
            monkeypatch.setattr(f"fivestep.vitals.{module}.{name}", limit)


def _model() -> tuple[nn.Module, torch.optim.Optimizer, torch.Tensor, torch.Tensor]:
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    x = torch.randn(16, 4)
    return model, torch.optim.SGD(model.parameters(), 0.01), x, x[:, :1]


def plain() -> Loop:
    model, optimizer, x, y = _model()

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            optimizer.zero_grad()
            F.mse_loss(model(x), y).backward()
            optimizer.step()

    return loop


def accumulated_clipped_and_scheduled() -> Loop:
    model, optimizer, x, y = _model()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))

    def loop(iterations: int) -> None:
        for number in range(iterations):
            (F.mse_loss(model(x), y) / 2).backward()
            if number % 2:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad()
                schedule.step()

    return loop


def epochs_with_evaluation() -> Loop:
    model, optimizer, x, y = _model()
    loader = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)

    def loop(iterations: int) -> None:
        for _ in range(iterations // 2):
            model.train()
            for inputs, targets in loader:
                optimizer.zero_grad()
                F.mse_loss(model(inputs), targets).backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                F.mse_loss(model(x), y)
            model.state_dict()

    return loop


def never_twice_the_same() -> Loop:
    """Every iteration is a new sequence of events: more and more losses."""
    model, optimizer, x, y = _model()

    def loop(iterations: int) -> None:
        for number in range(iterations):
            optimizer.zero_grad()
            for _ in range(1 + number % 12):
                F.mse_loss(model(x), y).backward()
            optimizer.step()

    return loop


def without_modules() -> Loop:
    """A model by hand: nothing but losses and backwards is heard."""
    weight = torch.randn(4, 1, requires_grad=True)
    x = torch.randn(16, 4)

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            F.mse_loss(x @ weight, x[:, :1]).backward()
            with torch.no_grad():
                weight.sub_(weight.grad, alpha=0.01)  # pyright: ignore[reportArgumentType]
            weight.grad = None

    return loop


LOOPS = [
    plain,
    accumulated_clipped_and_scheduled,
    epochs_with_evaluation,
    never_twice_the_same,
    without_modules,
]


def reachable(start: Any) -> int:
    """How many objects of Python hang on this one, code and classes left aside."""
    seen: set[int] = set()
    near = [start]
    while near:
        for one in gc.get_referents(near.pop()):
            if id(one) not in seen and not isinstance(one, (*ELSEWHERE, torch.Tensor, nn.Module)):
                seen.add(id(one))
                near.append(one)
    return len(seen)


class Size(NamedTuple):
    objects: int
    written: int  # characters of the record


def sizes(make: Callable[[], Loop], *, step: int, steps: int) -> Iterator[Size]:
    with listen() as doctor:
        loop = make()
        for _ in range(steps):
            loop(step)
            (recorder,) = doctor._ears.recorders  # pyright: ignore[reportPrivateUsage]
            gc.collect()
            yield Size(reachable(recorder), len(str(encode(recorder.record))))
    assert not doctor.record.problems
    assert doctor.record.count(Backward) >= step * steps


def heard(make: Callable[[], Loop], iterations: int) -> Record:
    with listen() as doctor:
        make()(iterations)
    assert not doctor.record.problems
    return doctor.record


@pytest.mark.parametrize("make", LOOPS, ids=lambda make: make.__name__)
def test_what_is_kept_stops_growing(make: Callable[[], Loop]) -> None:
    first, second, third, last = sizes(make, step=150, steps=4)
    assert max(third.objects, last.objects) <= 1.02 * max(first.objects, second.objects)
    assert max(third.written, last.written) <= 1.02 * max(first.written, second.written) + 500


@pytest.mark.parametrize("make", LOOPS, ids=lambda make: make.__name__)
def test_series_are_thinned_and_events_are_counted(make: Callable[[], Loop]) -> None:
    kept = heard(make, 300)
    training = kept.training()
    assert training is not None
    assert training.count >= 300 > 8 * POINTS
    assert all(len(one.points) <= POINTS + 1 for one in kept.series)
    assert all(len(one.recent) <= 2 * RECENT for one in kept.series)
    assert len(kept.iterations) <= KEPT * ALIKE
    assert sum(one.repeats for one in kept.iterations) + kept.unkept == kept.length
