"""Picks, samples and streams under the random numbers of their place, in workers, too."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils.data import (
    BatchSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    get_worker_info,
)

from fivestep.batches import Order
from fivestep.checkpoints.own import Own
from fivestep.checkpoints.seeds import Stream, number_for, seed_for

# They draw all that they draw when they begin: what comes later need not be seeded one by one.
_AT_ONCE = (Order, SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


class Picks:
    """A sampler whose every pick says which batch of which epoch it is."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.epoch, self.start = 1, 0
        self.seed: Callable[[int, int], None] = lambda epoch, number: None
        sampler = inner.sampler if type(inner) is BatchSampler else inner
        self._at_once = type(sampler) in _AT_ONCE

    def __len__(self) -> int:
        return len(self.inner)

    def __iter__(self) -> Iterator[Any]:
        return self._picks(self.epoch, self.start)

    def _picks(self, epoch: int, start: int) -> Iterator[Any]:
        number, picks = 0, None
        while True:
            number += 1
            if picks is None or not self._at_once:
                self.seed(epoch, number)
            picks = iter(self.inner) if picks is None else picks
            try:
                pick = next(picks)
            except StopIteration:
                return
            if number > start:
                yield epoch, number, pick


class Numbered:
    """A data set that loads each batch under the random numbers of its place."""

    def __init__(self, inner: Any, seed: int, own: Own) -> None:
        self.inner, self._seed, self._own = inner, seed, own
        self._epoch = 0
        self.place = 0, 0

    def __getitems__(self, place: tuple[int, int, Any]) -> list[Any]:
        several = getattr(self.inner, "__getitems__", None)
        if several:
            return self._placed(place, lambda: several(place[2]))
        return self._placed(place, lambda: [self.inner[index] for index in place[2]])

    def __getitem__(self, place: tuple[int, int, Any]) -> Any:
        return self._placed(place, lambda: self.inner[place[2]])

    def __len__(self) -> int:
        return len(self.inner)

    def _placed(self, place: tuple[int, int, Any], make: Callable[[], Any]) -> Any:
        self.place = place[:2]
        self._tell(place[0])
        return self._own.under(self.seed, make)

    def seed(self, stream: Stream = "data") -> int:
        """Seed the global generators for the batch at hand; return the number for others."""
        seed_for(self._seed, *self.place, stream)
        return number_for(self._seed, *self.place, stream)

    def _tell(self, epoch: int) -> None:
        # A worker that outlives an epoch cannot be told of the next otherwise.
        if get_worker_info() is None or not epoch or epoch == self._epoch:
            return
        self._epoch = epoch
        if hasattr(self.inner, "set_epoch"):
            self.inner.set_epoch(epoch)


class Collated:
    """Puts the samples of a batch together, under random numbers of their place."""

    def __init__(self, inner: Any, numbered: Numbered, own: Own) -> None:
        self.inner, self._numbered, self._own = inner, numbered, own

    def __call__(self, samples: Any) -> Any:
        """Do so."""
        return self._own.under(lambda: self._numbered.seed("collate"), lambda: self.inner(samples))


class Streamed(IterableDataset[Any]):
    """A stream each of whose samples is made under the random numbers of its place."""

    def __init__(self, inner: Any, seed: int, own: Own, *, lasting: bool) -> None:
        self.inner, self._seed, self._own = inner, seed, own
        self._told = torch.ones(1, dtype=torch.int64)
        if lasting:
            self._told.share_memory_()  # workers that outlive an epoch are told of the next by it

    def tell(self, epoch: int) -> None:
        """Say whose random numbers come next."""
        self._told.fill_(epoch)

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        epoch = int(self._told)
        if worker is not None and epoch and hasattr(self.inner, "set_epoch"):
            self.inner.set_epoch(epoch)
        return self._samples(epoch, 0 if worker is None else worker.id << 40)

    def _samples(self, epoch: int, first: int) -> Iterator[Any]:
        def seed(place: int) -> None:
            seed_for(self._seed, epoch, first + place, "data")
            self._own.seed(number_for(self._seed, epoch, first + place, "data"))

        return placed(self.inner, seed, self._own)


def placed(
    source: Iterable[Any], seed: Callable[[int], None], own: Own, *, number: int = 0
) -> Iterator[Any]:
    """Go through something iterable, each part under its seeds; ``number`` parts are behind."""
    begun = number
    seed(number)
    parts = iter(source)
    while True:
        number += 1
        seed(number)
        before = set(own.generators())
        try:
            part = next(parts)
            if number == begun + 1 and not own.generators().keys() <= before:
                seed(begun)  # a generator was made only now: it begins again, seeded
                parts = iter(source)
                seed(number)
                part = next(parts)
        except StopIteration:
            return
        yield part


class Starting:
    """Begins a worker: it outlives the signals that are for the training, which ends it itself."""

    def __init__(self, then: Any, dataset: Any) -> None:
        self._then, self._dataset = then, dataset

    def __call__(self, worker: int) -> None:
        """Do so, and then what the user wants at that point."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _first_is_let_pass)
        object.__setattr__(get_worker_info(), "dataset", self._dataset)  # the user's own
        if self._then is not None:
            self._then(worker)


def _first_is_let_pass(number: int, frame: Any) -> None:
    # A signal to the whole group comes once; who wants this very worker to end asks again.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
