"""starved-loop: long waits for data, measured; never a rule of thumb about workers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, Dataset
from watching import names, watch

from fivestep.doctor import listen


class Slow(Dataset[torch.Tensor]):
    """Samples that take ``seconds`` each."""

    def __init__(self, seconds: float, rows: int = 96) -> None:
        self.seconds, self.rows = seconds, rows

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: int) -> torch.Tensor:
        if self.seconds:
            time.sleep(self.seconds)
        return torch.randn(4)


def train(data: Slow, size: int = 8, think: float = 0.0, workers: int = 0, epochs: int = 2) -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loader = DataLoader(data, batch_size=size, num_workers=workers)
    for _ in range(epochs):
        for x in loader:
            optimizer.zero_grad()
            fn.mse_loss(model(x), x[:, :1]).backward()
            optimizer.step()
            time.sleep(think)


def test_slow_samples() -> None:
    (finding,) = watch(lambda: train(Slow(0.006))).findings
    assert finding.rule == "starved-loop"
    assert finding.severity.value == "costly"
    assert "num_workers" in finding.fix
    assert finding.count == 24


def test_too_few_workers() -> None:
    (finding,) = watch(lambda: train(Slow(0.015), workers=1)).findings
    assert finding.rule == "starved-loop"
    assert "raise num_workers above 1" in finding.fix


def test_a_model_that_takes_as_long_is_silent() -> None:
    assert not names(lambda: train(Slow(0.005), think=0.06, epochs=1))


def test_data_in_memory_and_a_tiny_model_are_silent() -> None:
    assert not names(lambda: train(Slow(0.0, rows=2000)))


def test_the_start_of_workers_is_silent() -> None:
    assert not names(lambda: train(Slow(0.0, rows=96), workers=2, epochs=3))


def test_a_slow_validation_is_silent() -> None:
    def loop() -> None:
        train(Slow(0.0))
        model = nn.Linear(4, 1)
        with torch.no_grad():
            for x in DataLoader(Slow(0.006), batch_size=8):
                fn.mse_loss(model(x), x[:, :1])

    assert not names(loop)


class Made(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Samples that Python makes anew each time, from ``work`` sines; none: they lie in memory."""

    def __init__(self, work: int, rows: int = 400) -> None:
        self.work, self.ready = work, torch.randn(rows, 4)

    def __len__(self) -> int:
        return len(self.ready)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        made = sum(math.sin(0.1 * at) for at in range(self.work))
        row = (self.ready[index] - 0.1) / 1.1 + 1e-6 * made
        return row, row[:1]


def learn(work: int, *, size: int = 16, wide: int = 8, epochs: int = 2, rest: float = 0.0) -> None:
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(4, wide), nn.ReLU(), nn.Linear(wide, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loader = DataLoader(Made(work), batch_size=size, shuffle=True)
    for _ in range(epochs):
        for x, y in loader:
            optimizer.zero_grad()
            fn.mse_loss(model(x), y).backward()
            optimizer.step()
            time.sleep(rest)


def fetched_within_a_loss_of_its_own() -> None:
    """A short run, all of it measured in detail; batches of two sizes."""
    torch.set_num_threads(1)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in DataLoader(Made(20_000, rows=250), batch_size=8):
        optimizer.zero_grad()
        (model(x) - y).abs().mean().backward()
        optimizer.step()


BUSY: dict[str, Callable[[], None]] = {
    "many small batches": lambda: learn(10_000),
    "few large batches": lambda: learn(10_000, size=33, epochs=3),
    "a short run": fetched_within_a_loss_of_its_own,
}
IDLE: dict[str, Callable[[], None]] = {
    "in memory": lambda: learn(0, epochs=8),
    "a little work": lambda: learn(300, epochs=6),
    "few samples": lambda: learn(10_000, epochs=1, size=50),
    "a model that works as long": lambda: learn(5000, wide=60_000, size=32, epochs=1),
    "a loop that rests": lambda: learn(5000, rest=0.15, size=40),
}


@pytest.mark.parametrize("case", BUSY)
def test_samples_that_python_makes_are_named_by_the_work_they_are(case: str) -> None:
    (finding,) = watch(BUSY[case]).findings
    assert finding.rule == "starved-loop"
    assert "Made makes one sample after the other" in finding.cause


@pytest.mark.parametrize("case", IDLE)
def test_samples_that_cost_little_beside_the_loop_are_silent(case: str) -> None:
    assert names(IDLE[case]) == []


def test_what_measuring_takes_is_no_work_of_the_loop() -> None:
    """All iterations are measured in detail, which takes longer than they do."""
    with listen() as doctor:
        learn(0, epochs=1)
    (loader,) = doctor.record.loaders
    detailed = [v.seconds or 0.0 for v in doctor.record.iterations if v.detailed and v.trains]
    assert loader.paced == len(detailed) - 2
    assert 0 < loader.paced_worked_busy < 0.7 * sum(detailed)


class Cluttered(Made):
    """From memory, but a few samples pay for something else: a collection of garbage, mostly."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.work = 1_500_000 if index in (90, 210, 330) else 0
        return super().__getitem__(index)


def test_a_few_dear_samples_are_silent() -> None:
    def loop() -> None:
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for x, y in DataLoader(Cluttered(0), batch_size=8):
            optimizer.zero_grad()
            fn.mse_loss(model(x), y).backward()
            optimizer.step()

    with listen() as doctor:
        loop()
    (loader,) = doctor.record.loaders
    assert loader.paced_waited_busy > 0.7 * (loader.paced_waited_busy + loader.paced_worked_busy)
    assert not names(loop)
