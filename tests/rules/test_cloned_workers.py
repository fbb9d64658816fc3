"""cloned-workers: one state of a generator, several workers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, get_worker_info
from watching import names, watch


class Rows(Dataset[torch.Tensor]):
    """Makes noise out of whatever ``draw`` gives."""

    def __init__(self, rng: Any = None) -> None:
        self.rng = rng

    def __len__(self) -> int:
        return 48

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.full((4,), float(index)) / 48 + self.noise()

    def noise(self) -> float:
        return float(self.rng.random())


class Torchs(Rows):
    """Has a generator of torch's."""

    def noise(self) -> float:
        return float(torch.rand(1, generator=self.rng))


class Globals(Rows):
    """Draws from the global generators."""

    def noise(self) -> float:
        return float(np.random.rand()) + random.random()


class Seeding(Rows):
    """Seeds for each sample."""

    def __getitem__(self, index: int) -> torch.Tensor:
        self.rng.seed(index)
        return super().__getitem__(index)


class Lazy(Rows):
    """Makes its generator in the worker."""

    def noise(self) -> float:
        info = get_worker_info()
        if self.rng is None:
            self.rng = np.random.default_rng(info.seed if info else 0)
        return super().noise()


class Stream(IterableDataset[torch.Tensor]):
    """Forty rows, from the same seed each time."""

    seed = 5

    def start(self) -> tuple[int, int, int]:
        """Its seed, its first row, and from row to row."""
        return self.seed, 0, 1

    def __iter__(self) -> Iterator[torch.Tensor]:
        seed, first, step = self.start()
        draw = random.Random(seed)
        for number in range(first, 40, step):
            yield torch.tensor([draw.random() for _ in range(4)]) + number / 40


class SeededStream(Stream):
    def start(self) -> tuple[int, int, int]:
        info = get_worker_info()
        return self.seed + (info.id if info else 0), 0, 1


class SharedStream(Stream):
    def start(self) -> tuple[int, int, int]:
        info = get_worker_info()
        return (self.seed, info.id, info.num_workers) if info else (self.seed, 0, 1)


class Constant(Stream):
    """Nothing but ones: equal, and nothing to tell apart."""

    def __iter__(self) -> Iterator[torch.Tensor]:
        yield from torch.ones(40, 4)


def train(
    data: Dataset[torch.Tensor], *, workers: int = 2, init: Callable[[int], Any] | None = None
) -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for x in DataLoader(data, batch_size=8, num_workers=workers, worker_init_fn=init):
        optimizer.zero_grad()
        fn.mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()


@pytest.mark.parametrize(
    "rng",
    [np.random.default_rng(0), np.random.RandomState(0), random.Random(0)],
    ids=["new", "old", "python"],
)
def test_a_generator_made_with_the_data_set(rng: Any) -> None:
    (finding,) = watch(lambda: train(Rows(rng))).findings
    assert finding.rule == "cloned-workers"
    assert "Rows.rng" in finding.message
    assert finding.evidence["workers"] == 2


def test_a_generator_of_torch() -> None:
    assert names(lambda: train(Torchs(torch.Generator()))) == ["cloned-workers"]


def test_one_seed_for_all_workers() -> None:
    report = watch(lambda: train(Globals(), init=lambda _: np.random.seed(0)))
    (finding,) = report.findings
    assert finding.rule == "cloned-workers"
    assert "initial_seed" in finding.fix


def test_part_of_a_data_set_with_a_generator() -> None:
    assert names(lambda: train(Subset(Rows(random.Random(0)), range(40)))) == ["cloned-workers"]


def test_the_copies_are_really_the_same() -> None:
    first, second = list(DataLoader(Rows(np.random.default_rng(0)), batch_size=24, num_workers=2))
    rows = torch.arange(48.0)[:, None] / 48
    assert torch.allclose(first - rows[:24], second - rows[24:], atol=1e-6)


def test_a_stream_that_every_worker_runs_through() -> None:
    (finding,) = watch(lambda: train(Stream())).findings
    assert finding.rule == "cloned-workers"
    assert finding.message.startswith("2 workers hand out the same batches of Stream")
    assert finding.evidence["equal_rounds"] == 5


@pytest.mark.parametrize("data", [SeededStream(), SharedStream(), Constant()])
def test_streams_that_are_told_apart_are_silent(data: Dataset[torch.Tensor]) -> None:
    assert not names(lambda: train(data))


def test_a_stream_with_one_worker_is_silent() -> None:
    assert not names(lambda: train(Stream(), workers=1))
    assert not names(lambda: train(Stream(), workers=0))


def test_no_worker_and_one_worker_are_silent() -> None:
    assert not names(lambda: train(Rows(np.random.default_rng(0)), workers=0))
    assert not names(lambda: train(Rows(np.random.default_rng(0)), workers=1))


def test_global_generators_are_silent() -> None:
    assert not names(lambda: train(Globals()))


def test_a_seed_for_each_sample_is_silent() -> None:
    assert not names(lambda: train(Seeding(random.Random(0))))


def test_a_generator_made_in_the_worker_is_silent() -> None:
    assert not names(lambda: train(Lazy()))


@pytest.mark.parametrize(
    "init",
    [
        lambda worker: np.random.seed(worker),
        lambda _: np.random.seed(torch.initial_seed() % 2**32),
    ],
)
def test_a_seed_of_each_workers_own_is_silent(init: Callable[[int], Any]) -> None:
    assert not names(lambda: train(Globals(), init=init))


def test_a_generator_that_no_sample_uses_is_silent() -> None:
    data = Globals()
    data.other = np.random.default_rng(0)  # pyright: ignore[reportAttributeAccessIssue]
    assert not names(lambda: train(data))
