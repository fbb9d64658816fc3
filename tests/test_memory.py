"""However long the run, what is kept of it stays bounded: events, series, everything reachable."""

from __future__ import annotations

import gc
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.doctor import listen
from fivestep.vitals import Record, record, samples
from fivestep.vitals.codec import encode
from fivestep.vitals.recording import sampling

Loop = Callable[[int], None]
POINTS, RECENT = 64, 16
ELSEWHERE = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of a long run, reached in a short one."""
    monkeypatch.setattr(record, "POINTS", POINTS)
    monkeypatch.setattr(record, "RECENT", RECENT)
    monkeypatch.setattr(samples, "FORWARDS", 40)
    for name, limit in (("KEPT", 12), ("ALIKE", 4), ("EVERY", 8), ("RARELY", 4), ("RATES", 32)):
        monkeypatch.setattr(sampling, name, limit)


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
            for _ in range(1 + number % 30):
                F.mse_loss(model(x), y).backward()
            optimizer.step()

    return loop


def new_objects_all_the_time() -> Loop:
    def loop(iterations: int) -> None:
        for _ in range(iterations // 10):
            plain()(10)

    return loop


LOOPS = [
    plain,
    accumulated_clipped_and_scheduled,
    epochs_with_evaluation,
    never_twice_the_same,
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


def sizes(make: Callable[[], Loop], *, step: int, steps: int) -> Iterator[tuple[int, Record]]:
    with listen() as doctor:
        loop = make()
        for _ in range(steps):
            loop(step)
            (recorder,) = doctor._ears.recorders  # pyright: ignore[reportPrivateUsage]
            gc.collect()
            yield reachable(recorder), recorder.record
    assert not doctor.record.problems
    assert doctor.record.length >= step * steps


@pytest.mark.parametrize("make", LOOPS, ids=lambda make: make.__name__)
def test_what_hangs_on_the_recorder_stops_growing(make: Callable[[], Loop]) -> None:
    found = [size for size, _ in sizes(make, step=400, steps=4)]
    assert max(found[2:]) <= 1.02 * max(found[:2])


@pytest.mark.parametrize("make", LOOPS, ids=lambda make: make.__name__)
def test_a_long_record_is_as_large_as_a_short_one(make: Callable[[], Loop]) -> None:
    short, *_, long = [len(str(encode(one))) for _, one in sizes(make, step=500, steps=3)]
    assert long <= 1.1 * short


@pytest.mark.parametrize("make", LOOPS, ids=lambda make: make.__name__)
def test_series_are_thinned_and_events_are_counted(make: Callable[[], Loop]) -> None:
    *_, (_, kept) = sizes(make, step=500, steps=2)
    training = kept.training()
    assert training is not None
    assert training.count > 8 * POINTS
    assert all(len(one.points) <= POINTS + 1 for one in kept.series)
    assert all(len(one.recent) <= 2 * RECENT for one in kept.series)
    assert len(kept.iterations) <= sampling.KEPT * sampling.ALIKE
    assert sum(one.repeats for one in kept.iterations) + kept.unkept >= kept.length - 1
