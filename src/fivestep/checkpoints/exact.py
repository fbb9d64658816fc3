"""Batches whose order and random numbers are those of (seed, epoch, number), from any batch on.

A loader is not changed: a copy of it draws the order, and loads the samples, under the random
numbers of each batch. So 0, 1 or more workers make the same batches, and those before the first
one wanted are not loaded.
"""
# The attributes of a DataLoader are fixed once it is made; those of the copy are set all the same.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
import signal
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    get_worker_info,
)

from fivestep.batches import Batches, Order, TensorBatches
from fivestep.checkpoints.seeds import (
    kept_apart,
    number_for,
    own_generators,
    seed_for,
    seed_own,
    set_states_of,
    states_of,
)
from fivestep.feeds import Around, Feed

# They draw all that they draw when they begin: what comes later need not be seeded one by one.
_AT_ONCE = (Order, SequentialSampler, RandomSampler, SubsetRandomSampler, WeightedRandomSampler)


def exact(made: Batches, seed: int) -> Batches:
    """Make batches whose random numbers depend on nothing but the seed and their place."""
    return made if isinstance(made, TensorBatches) else Exact(made, seed)


class Exact(Around):
    """Batches from a loader or any iterable, under the random numbers of their own place."""

    def __init__(self, made: Batches, seed: int) -> None:
        super().__init__(made)
        self._seed, self._source = seed, made.source
        self._loader = _reworked(self._source, seed)
        self._own = _own_generators(self._source)
        self._begun: list[Any] = []
        self._state: Any = None  # of a loader that knows its own place

    @property
    def note(self) -> str | None:
        """What has to be said about going on in the middle of an epoch, if anything."""
        if self._loader is not None and isinstance(self._loader.dataset, Numbered):
            return None
        if self._knows_its_place or isinstance(self._source, Sequence):
            return None
        return f"{type(self._source).__name__} has no position to be told: it is read on to it"

    @property
    def _knows_its_place(self) -> bool:
        source = cast("Any", self._source)
        return self._loader is None and all(
            hasattr(source, name) for name in ("state_dict", "load_state_dict")
        )

    @property
    def workers(self) -> int:
        """How many processes load the samples."""
        return int(getattr(self._source, "num_workers", 0) or 0)

    def begin(self) -> None:
        """Note where an epoch's order begins. Call it before ``epoch``."""
        self._begun = kept_apart(states_of(self._own))

    def state(self, *, between: bool) -> dict[str, Any]:
        """Collect what the place in the data is, besides its number; ``between`` two epochs."""
        source: Any = self._source
        loader = source.state_dict() if self._knows_its_place else None
        loader = loader if self._state is None else self._state  # it is not yet told of its place
        begun = kept_apart(states_of(self._own)) if between else self._begun
        return {"begun": begun, "loader": loader}

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Begin the epoch again as it began in what was saved."""
        set_states_of(self._own, state["begun"])
        self._begun = state["begun"]
        self._state = state["loader"]

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data, but for the first ``start`` batches."""
        if self._state is not None and start:
            state, self._state = self._state, None
            source: Any = self._source
            source.load_state_dict(state)
            return self._seeded(number, iter(self._source), start)
        seed_for(self._seed, number, 0, "order")
        if self._loader is None:
            if isinstance(self._source, Sequence):
                return self._seeded(number, islice(self._source, start, None), start)
            return islice(self._seeded(number, self.made.epoch(number), 0), start, None)
        return self._from_loader(number, start)

    def _from_loader(self, number: int, start: int) -> Iterator[Any]:
        loader = self._loader
        samplers: tuple[Any, ...] = (loader.sampler, getattr(loader.batch_sampler, "inner", None))
        for sampler in samplers:
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(number)
        if isinstance(loader.dataset, Streamed):
            loader.dataset.epoch = number
            return islice(iter(loader), start, None)
        picks = loader.batch_sampler if loader.batch_sampler is not None else loader.sampler
        picks.epoch, picks.start = number, start
        return iter(loader)

    def _seeded(self, number: int, ahead: Iterator[Any], start: int) -> Iterator[Any]:
        place = start
        while True:
            place += 1
            seed_for(self._seed, number, place, "data")
            try:
                batch = next(ahead)
            except StopIteration:
                return
            yield batch

    def close(self) -> None:
        """Send the workers home that outlive an epoch."""
        iterator = getattr(self._loader, "_iterator", None)
        if iterator is not None and hasattr(iterator, "_shutdown_workers"):
            iterator._shutdown_workers()
            self._loader._iterator = None


class SeededFeed(Feed):
    """A feed after each of whose batches the five steps draw the numbers of that batch."""

    def __init__(self, batches: Iterator[Any], seed: int, epoch: int, start: int) -> None:
        super().__init__(batches)
        self.count, self._place = start, (seed, epoch)

    def __next__(self) -> Any:
        try:
            return super().__next__()
        finally:
            seed_for(*self._place, self.count + self.exhausted, "model")


class Picks:
    """A sampler whose every pick says which batch of which epoch it is."""

    def __init__(self, inner: Any, seed: int) -> None:
        self.inner, self._seed = inner, seed
        self.epoch, self.start = 1, 0
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
                seed_for(self._seed, epoch, number, "order")
            picks = iter(self.inner) if picks is None else picks
            try:
                pick = next(picks)
            except StopIteration:
                return
            if number > start:
                yield epoch, number, pick


class Numbered:
    """A data set that loads each batch under the random numbers of its place."""

    def __init__(self, inner: Any, seed: int) -> None:
        self.inner, self._seed = inner, seed
        self._own: list[Any] | None = None

    def __getitems__(self, place: tuple[int, int, Any]) -> list[Any]:
        self._begin(place)
        several = getattr(self.inner, "__getitems__", None)
        return several(place[2]) if several else [self.inner[index] for index in place[2]]

    def __getitem__(self, place: tuple[int, int, Any]) -> Any:
        self._begin(place)
        return self.inner[place[2]]

    def __len__(self) -> int:
        return len(self.inner)

    def _begin(self, place: tuple[int, int, Any]) -> None:
        epoch, number, _ = place
        seed_for(self._seed, epoch, number, "data")
        if self._own is None:
            self._own = own_generators(self.inner)
        seed_own(self._own, number_for(self._seed, epoch, number, "data"))


class Streamed(IterableDataset[Any]):
    """A stream each of whose samples is made under the random numbers of its place."""

    def __init__(self, inner: Any, seed: int) -> None:
        self.inner, self._seed, self.epoch, self._passes = inner, seed, 1, 0

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        epoch, lane = self.epoch, 0
        if worker is not None:  # one that outlives an epoch cannot be told of the next
            epoch, lane = epoch + self._passes, worker.id
            self._passes += 1
        return self._samples(epoch, lane)

    def _samples(self, epoch: int, lane: int) -> Iterator[Any]:
        place = lane << 40
        seed_for(self._seed, epoch, place, "data")
        samples, own = iter(self.inner), own_generators(self.inner)
        while True:
            place += 1
            seed_for(self._seed, epoch, place, "data")
            seed_own(own, number_for(self._seed, epoch, place, "data"))
            try:
                sample = next(samples)
            except StopIteration:
                return
            yield sample


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


def _reworked(source: Iterable[Any], seed: int) -> Any:
    """Copy a loader, with our sampler and data set around its own; None for anything else."""
    if not isinstance(source, DataLoader):
        return None
    own = type(source).__iter__ is not DataLoader.__iter__
    if own and not _is_torchdata(source):
        return None
    loader: Any = copy.copy(cast("Any", source))
    if own:
        loader.__class__ = DataLoader
    held: dict[str, Any] = loader.__dict__
    held["_iterator"] = None
    held["worker_init_fn"] = Starting(loader.worker_init_fn, loader.dataset)
    if isinstance(loader.dataset, IterableDataset):
        held["dataset"] = Streamed(loader.dataset, seed)
        return loader
    if loader.batch_sampler is not None:
        held["batch_sampler"] = Picks(loader.batch_sampler, seed)
    else:
        held["sampler"] = Picks(loader.sampler, seed)
    held["dataset"] = Numbered(loader.dataset, seed)
    return loader


def _is_torchdata(loader: Any) -> bool:
    """Tell whether its samples can be loaded as torch's own loader does.

    What torchdata saves of a loader leaves out the random numbers that samples are made of. A
    stream, and a data set with a state, it alone can put in their place without reading on.
    """
    if not type(loader).__module__.startswith("torchdata."):
        return False
    return not isinstance(loader.dataset, IterableDataset) and not hasattr(
        loader.dataset, "state_dict"
    )


def _own_generators(source: Any) -> list[Any]:
    """Find the generators that an order is drawn from, where they are not the global ones."""
    owners = [source] if not isinstance(source, DataLoader) else [source.sampler, source.generator]
    if isinstance(source, DataLoader):
        owners.append(source.batch_sampler)
    found = {id(one): one for owner in owners for one in own_generators(owner)}
    return list(found.values())
