"""Every kind of loader, stopped at every batch: the same batches, the same augmentation."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

from checkpoints.resumed import Made, equal, stopped, trained
from fivestep import Checkpoint

SAMPLES = 22


class Augmented(Dataset[Any]):
    """Draws from all three global generators, and from two of its own."""

    def __init__(self, *, own: bool = True) -> None:
        self.own = own
        self.generator = torch.Generator().manual_seed(5)
        self.transforms = [np.random.default_rng(6)]

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> Any:
        noise = [random.random(), np.random.rand(), float(torch.rand(()))]
        if self.own:
            noise += [float(torch.rand((), generator=self.generator)), self.transforms[0].random()]
        return torch.tensor([index / SAMPLES, sum(noise)]), torch.tensor([index % 3 - 1.0])


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        for index in range(SAMPLES):
            yield torch.tensor([index / SAMPLES, random.random()]), torch.rand(1)


class Lazy(Sampler[int]):
    """Draws each index when it is asked for it, from the global generator and one of its own."""

    def __init__(self) -> None:
        self.own = random.Random(8)

    def __len__(self) -> int:
        return SAMPLES

    def __iter__(self) -> Iterator[int]:
        for _ in range(SAMPLES):
            yield (random.randrange(SAMPLES) + self.own.randrange(SAMPLES)) % SAMPLES


class OwnBatches:
    """Makes its batches itself, and knows no position."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(2)

    def __iter__(self) -> Iterator[Any]:
        for _ in range(5):
            yield torch.rand(4, 2, generator=self.generator) + torch.rand(()), torch.rand(4, 1)


class Positioned:
    """Makes its batches itself, and knows where it is."""

    def __init__(self) -> None:
        self.number, self.fetched = 0, 0

    def __iter__(self) -> Iterator[Any]:
        while self.number < 5:
            self.number += 1
            self.fetched += 1
            yield torch.rand(4, 2) + self.number, torch.rand(4, 1)
        self.number = 0

    def state_dict(self) -> dict[str, Any]:
        return {"number": self.number}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.number = state["number"]


def collated(samples: list[Any]) -> Any:
    inputs, targets = zip(*samples, strict=True)
    return torch.stack(inputs) + torch.rand(1), torch.stack(targets)


def weights() -> list[float]:
    return [number + 1.0 for number in range(SAMPLES)]


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(11)


LOADERS: dict[str, Callable[[], Any]] = {
    "dataset": Augmented,  # cut into batches by fit
    "loader": lambda: DataLoader(Augmented(), batch_size=4, shuffle=True),
    "loader with a generator": lambda: DataLoader(
        Augmented(), batch_size=4, shuffle=True, generator=generator()
    ),
    "drop last, collate": lambda: DataLoader(
        Augmented(), batch_size=4, shuffle=True, drop_last=True, collate_fn=collated
    ),
    "2 workers": lambda: DataLoader(Augmented(), batch_size=4, shuffle=True, num_workers=2),
    "2 persistent workers": lambda: DataLoader(
        Augmented(), batch_size=4, shuffle=True, num_workers=2, persistent_workers=True
    ),
    "weighted": lambda: DataLoader(
        Augmented(), batch_size=4, sampler=WeightedRandomSampler(weights(), SAMPLES)
    ),
    "subset": lambda: DataLoader(
        Augmented(), batch_size=4, sampler=SubsetRandomSampler(range(15), generator=generator())
    ),
    "lazy sampler": lambda: DataLoader(Augmented(), batch_size=4, sampler=Lazy()),
    "lazy sampler, worker": lambda: DataLoader(
        Augmented(), batch_size=4, sampler=Lazy(), num_workers=1
    ),
    "batch sampler": lambda: DataLoader(
        Augmented(), batch_sampler=BatchSampler(RandomSampler(Augmented()), 4, drop_last=False)
    ),
    "list of batch indices": lambda: DataLoader(
        Augmented(),
        batch_sampler=[[0, 1, 2], [7, 8], [3, 4, 5, 6], [9]],  # pyright: ignore
    ),
    "sampler of whole batches": lambda: DataLoader(
        TensorDataset(torch.rand(9, 4, 2), torch.rand(9, 4, 1)), batch_size=None, shuffle=True
    ),
    "stream": lambda: DataLoader(Stream(), batch_size=4),
    "stream, 2 workers": lambda: DataLoader(Stream(), batch_size=4, num_workers=2),
    "iterable dataset": Stream,
    "own batches": OwnBatches,
    "own batches with a position": Positioned,
    "list": lambda: [(torch.full((4, 2), float(i)), torch.rand(4, 1)) for i in range(6)],
}


def every_update(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="1 update")


def make(loader: Callable[[], Any], **options: Any) -> Made:
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    torch.manual_seed(8)
    train = loader()
    base = {"train": train, "epochs": 2, "saves": every_update}
    if isinstance(train, (Dataset, IterableDataset)):
        base["batch_size"] = 4
    return model, nn.MSELoss(), optimizer, base | options


@pytest.mark.parametrize("name", LOADERS)
def test_a_loader_goes_on_where_it_was(name: str, tmp_path: Path) -> None:
    def made() -> Made:
        return make(LOADERS[name])

    whole = trained(made, tmp_path / "whole")
    stops = (1, 4, 5, 6, 7) if "worker" not in name else (4, 7)
    for at in stops:
        torch.rand(at)  # what the process drew before is no part of it
        random.random()
        assert stopped(made, tmp_path / f"at {at}", at)
        equal(trained(made, tmp_path / f"at {at}"), whole)


def test_any_number_of_workers_makes_the_same_bits(tmp_path: Path) -> None:
    def made(**options: Any) -> Made:
        return make(lambda: DataLoader(Augmented(), batch_size=4, shuffle=True, **options))

    none = trained(made, tmp_path / "0")
    for number in (1, 2):
        equal(trained(lambda n=number: made(num_workers=n), tmp_path / f"{number}"), none)
    persistent = {"num_workers": 2, "persistent_workers": True}
    equal(trained(lambda: made(**persistent), tmp_path / "p"), none)


def test_batches_before_the_place_are_not_loaded(tmp_path: Path) -> None:
    loaded: list[int] = []

    class Counting(Augmented):
        def __getitem__(self, index: int) -> Any:
            loaded.append(index)
            return super().__getitem__(index)

    def made() -> Made:
        return make(lambda: DataLoader(Counting(), batch_size=4, shuffle=True))

    assert stopped(made, tmp_path, 5)
    loaded.clear()
    trained(made, tmp_path)
    assert len(loaded) == SAMPLES * 2 - 5 * 4


def test_a_loader_with_a_position_is_not_read_on(tmp_path: Path) -> None:
    def made() -> Made:
        return make(Positioned)

    assert stopped(made, tmp_path, 3)
    loader = Positioned()
    trained(lambda: make(lambda: loader), tmp_path)
    assert loader.fetched == 5 * 2 - 3


def test_the_users_loader_is_left_as_it_is(tmp_path: Path) -> None:
    loader = DataLoader(Augmented(), batch_size=4, shuffle=True, num_workers=1)
    before = dict(vars(loader))
    trained(lambda: make(lambda: loader), tmp_path)
    assert vars(loader) == before


def test_a_stream_is_said_to_be_read_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stopped(lambda: make(Stream), tmp_path, 3)
    trained(lambda: make(Stream), tmp_path, progress=True)
    assert "is read on to it" in capsys.readouterr().err
