"""The configurations: 25 small trainings that differ in all that a checkpoint has to hold."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Sampler,
    TensorDataset,
    WeightedRandomSampler,
    get_worker_info,
)

import fivestep

SAMPLES, SIZE = 37, 8  # the last batch is short
Options = dict[str, Any]


class Work(NamedTuple):
    """One training, fresh."""

    model: nn.Module
    loss_fn: Callable[..., Any]
    optimizer: Any
    train: Any
    options: Options


def data(count: int = SAMPLES) -> tuple[Tensor, Tensor]:
    """Make samples of three classes."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 6, generator=generator)
    return inputs, (inputs.sum(1) > 0).long() + (inputs[:, 0] > 1).long()


class Augmented(Dataset[Any]):
    """Draws from all three global generators, and from two of its own."""

    def __init__(self) -> None:
        self.inputs, self.targets = data()
        self.generator = torch.Generator().manual_seed(5)
        self.draw = np.random.default_rng(6)

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        drawn = random.random() + float(np.random.rand()) + float(torch.rand(()))
        drawn += float(torch.rand((), generator=self.generator)) + float(self.draw.random())
        return self.inputs[place] + drawn, self.targets[place]


class Stream(IterableDataset[Any]):
    """Its workers take turns; each sample is changed at random."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        inputs, targets = data()
        for place in range(first, SAMPLES, step):
            yield inputs[place] + torch.rand(6), targets[place]


class Drawn(Sampler[list[int]]):
    """Batches of sizes that are drawn, from a generator of its own."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(8)

    def __iter__(self) -> Iterator[list[int]]:
        order = torch.randperm(SAMPLES, generator=self.generator).tolist()
        while order:
            size = int(torch.randint(3, 9, (), generator=self.generator))
            size += len(order) == size + 1  # no batch of one: BatchNorm refuses it
            yield order[:size]
            order = order[size:]


def network() -> nn.Module:
    """A small network with all that is random or remembers: dropout, running statistics."""
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    )


def work(train: Any = None, **options: Any) -> Work:
    """Make the usual one, with options of its own."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    return finished(model, optimizer, train, options)


def finished(model: nn.Module, optimizer: Any, train: Any, options: Options) -> Work:
    """Add what all of them have."""
    train = data() if train is None else train
    own = {} if isinstance(train, DataLoader) else {"batch_size": SIZE}
    return Work(model, nn.CrossEntropyLoss(), optimizer, train, {"epochs": 3} | own | options)


def loader(dataset: Any = None, workers: int = 0, **more: Any) -> DataLoader[Any]:
    """Make a loader of the usual data."""
    dataset = Augmented() if dataset is None else dataset
    batched = {} if "batch_sampler" in more else {"batch_size": SIZE}
    return DataLoader(dataset, num_workers=workers, **batched, **more)


def line() -> Work:
    """The line, by stochastic gradient descent with momentum."""
    inputs = torch.linspace(-1, 1, SAMPLES).unsqueeze(1)
    torch.manual_seed(3)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    options = {"epochs": 3, "batch_size": SIZE}
    return Work(model, nn.MSELoss(), optimizer, (inputs, 2 * inputs + 1), options)


def plateau() -> Work:
    """A schedule that looks at the validation."""
    made = work(validate=data(20))
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(made.optimizer, patience=0)
    return made._replace(options=made.options | {"schedule": schedule})


def lbfgs() -> Work:
    """An optimizer that calls the loss itself, and remembers in lists of tensors."""
    torch.manual_seed(3)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=3)
    return finished(model, optimizer, None, {})


def compiled() -> Work:
    """A model behind ``torch.compile``; the backend is the quickest to start."""
    made = work()
    model = cast("nn.Module", torch.compile(made.model, backend="eager"))
    return made._replace(model=model)


def weighted() -> Work:
    """A sampler that draws with replacement, from a generator of its own."""
    generator = torch.Generator().manual_seed(9)
    sampler = WeightedRandomSampler([1.0] * 20 + [3.0] * 17, SAMPLES, generator=generator)
    return work(loader(TensorDataset(*data()), sampler=sampler))


class Limited(nn.Module):
    """A squared error that is infinite where a prediction is larger than a limit."""

    def forward(self, prediction: Tensor, targets: Tensor) -> Tensor:
        """Compute it."""
        loss = nn.functional.mse_loss(prediction, targets)
        return loss if float(prediction.detach().abs().max()) < 30 else loss * math.inf


def diverging() -> Work:
    """A rate far too high: it goes back several times, once further than the newest state."""
    inputs, targets = data()
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=6.0, momentum=0.9)
    back = fivestep.Back(most=9, every="2 updates")
    options: Options = {"epochs": 3, "batch_size": SIZE, "nonfinite": back}
    pairs = inputs, nn.functional.one_hot(targets, 3).float()
    options["validate"] = inputs[:20], pairs[1][:20]
    return Work(model, Limited(), optimizer, pairs, options)


PERSISTENT: Options = {"persistent_workers": True, "shuffle": True}
WORKS: dict[str, Callable[[], Work]] = {
    "line": line,
    "dropout": work,
    "accumulate 4": lambda: work(accumulate=4),
    "augmentation": lambda: work(loader(shuffle=True)),
    "augmentation, accumulate 4": lambda: work(loader(shuffle=True), accumulate=4),
    "2 workers": lambda: work(loader(TensorDataset(*data()), 2, shuffle=True)),
    "2 workers, augmentation": lambda: work(loader(workers=2, shuffle=True)),
    "2 workers, accumulate 4": lambda: work(loader(workers=2, shuffle=True), accumulate=4),
    "2 persistent workers": lambda: work(loader(workers=2, **PERSISTENT), validate=data(20)),
    "bfloat16": lambda: work(precision="bfloat16"),
    "bfloat16, averaged": lambda: work(precision="bfloat16", average=0.9, accumulate=4),
    "float16": lambda: work(precision="float16"),
    "float16, accumulate 4": lambda: work(precision="float16", accumulate=4),
    "plateau": plateau,
    "averaged, validated": lambda: work(average=0.9, validate=data(20)),
    "averaged equally": lambda: work(average="equal", average_start="4 updates"),
    "early stopping": lambda: work(validate=data(20), patience=1, epochs=6, restore_best=True),
    "compiled": compiled,
    "weighted sampler": weighted,
    "own batch sampler": lambda: work(loader(batch_sampler=Drawn())),
    "stream": lambda: work(loader(Stream())),
    "stream, 2 workers": lambda: work(loader(Stream(), 2)),
    "LBFGS": lbfgs,
    "all at once": lambda: work(
        loader(shuffle=True), accumulate=2, clip=0.1, precision="bfloat16", average=0.9,
        schedule=fivestep.cosine(warmup="3 updates"), validate=data(20),
        validate_every="3 updates", log_every="1 update", metrics=fivestep.accuracy,
    ),
    "goes back": diverging,
}  # fmt: skip
NAMES = tuple(WORKS)
