"""starved-loop: long waits for data, measured; never a rule of thumb about workers."""

from __future__ import annotations

import time

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, Dataset
from watching import names, watch


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
