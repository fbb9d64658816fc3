"""Batches whose order and random numbers are those of (seed, epoch, number), from any batch on.

A loader is not changed: a copy of it draws the order, and loads the samples, under the random
numbers of each batch. So 0, 1 or more workers make the same batches, and those before the first
one wanted are not loaded.
"""
# The attributes of a DataLoader are fixed once it is made; those of the copy are set all the same.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple, cast

from torch.utils.data import DataLoader, IterableDataset

from fivestep.batches import Batches, TensorBatches
from fivestep.checkpoints.own import Attributes, Own, told
from fivestep.checkpoints.placed import Collated, Numbered, Picks, Starting, Streamed, placed
from fivestep.checkpoints.seeds import number_for, seed_for
from fivestep.feeds import Around, Feed


def exact(made: Batches, seed: int, *, validates: bool = False) -> Batches:
    """Make batches whose random numbers depend on nothing but the seed and their place."""
    return made if isinstance(made, TensorBatches) else Exact(made, seed, validates=validates)


class Held(NamedTuple):
    """What stands in the data's own attributes and in the generators of its order."""

    begun: dict[str, Any]
    now: dict[str, Any]
    order: dict[str, Any]


class Exact(Around):
    """Batches from a loader or any iterable, under the random numbers of their own place.

    A pass is an epoch of the training if ``begin`` was called before it, or if it starts in the
    middle. Every other (BatchNorm computed anew, a rehearsal) leaves no trace, and a validation
    that is cut short leaves none either: it is made again.

    Attributes:
        forgotten: what stands in the data and could not be saved, by name.
        other: what was put back over what the program has set otherwise since, in words.
        quiet: called before workers are forked; it returns when no thread is at work.
    """

    def __init__(self, made: Batches, seed: int, *, validates: bool = False) -> None:
        super().__init__(made)
        self._seed, self._source, self._validates = seed, made.source, validates
        # Walked through once: who seeds, who saves and who is told look at the same.
        self._order = Own(**_order_of(self._source))
        self._samples = _samples_of(self._source)
        self._loader = _reworked(self._source, seed, self._samples)
        self._beside: Any = None  # the same for passes that are no epochs
        self._replayed = Attributes(*self._owns_replayed)
        self._current = Attributes(*self._owns_current)
        self._mark = self._order.digest()
        self._begun: dict[str, Any] = {}
        self.forgotten: list[str] = []
        self._announced, self._number = False, 1
        self._before: Held | None = None  # the validation that is going on
        self.quiet: Callable[[], None] = lambda: None
        self.other: list[str] = []
        for part in (self._order, *self._samples):
            told(type(self._source).__name__, part.found())

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
    def _owns_replayed(self) -> tuple[Own, ...]:
        """Name what begins an epoch again, from its begin, to get to a place in it."""
        if self._knows_its_place or isinstance(self._source, (list, tuple)):
            return ()
        if self._loader is None or isinstance(self._loader.dataset, Numbered):
            return (self._order,)
        return self._order, *self._samples

    @property
    def _owns_current(self) -> tuple[Own, ...]:
        """Name what goes on from where it was."""
        if self._loader is None or not isinstance(self._loader.dataset, Numbered):
            return ()
        return self._samples

    @property
    def workers(self) -> int:
        """How many processes load the samples."""
        return int(getattr(self._source, "num_workers", 0) or 0)

    def begin(self) -> None:
        """Note that the training's next epoch begins, and where. Call it before ``epoch``."""
        self._begun, self._announced = self._replayed.changed(), True

    def state(self, *, between: bool) -> dict[str, Any]:
        """Collect what the place in the data is, besides its number; ``between`` two epochs."""
        source: Any = self._source
        loader = source.state_dict() if self._knows_its_place else None
        if self._validates:
            held = self._before or self._held()
            begun, now = held.begun, held.now
        else:
            begun = self._replayed.changed() if between else self._begun
            now = self._current.changed()
        return {
            "begun": begun, "now": now, "mark": self._mark, "loader": loader,
            "first": self._replayed.at_first(begun) | self._current.at_first(now),
            "forgotten": self._forgotten(),
        }  # fmt: skip

    def _forgotten(self) -> list[str]:
        both = self._replayed, self._current
        iterators = {way: kind for one in both for way, kind in one.iterators.items()}
        named = [f"{way}, a {kind}" for way, kind in iterators.items()]
        return named + [text for one in both for text in one.forgotten()]

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Begin the epoch again as it began in what was saved."""
        first = state.get("first", {})
        self.other = self._replayed.put(state["begun"], first)
        self.other += self._current.put(state["now"], first)
        self._begun, self._mark = state["begun"], state["mark"]
        self.forgotten = state["forgotten"]
        if self._knows_its_place:
            source: Any = self._source
            source.load_state_dict(state["loader"])

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data, but for the first ``start`` batches."""
        trains = (self._announced or start > 0) and not self._validates
        self._announced = False
        if not trains:
            return self._aside(number, start)
        self._number = number
        return self._pass(number, start, self._loader)

    def _aside(self, number: int, start: int) -> Iterator[Any]:
        """Go through the data without a trace, but for that of a whole validation."""
        before, done = self._held(), False
        if self._validates:
            self._before, loader = before, self._loader
        else:
            loader = self._apart()
        try:
            yield from self._pass(number, start, loader)
            done = self._validates
        finally:
            self._before = None
            self._order.put(before.order)
            if not done:
                self._tell(self._number, self._loader)
                self._replayed.put(before.begun)
                self._current.put(before.now)

    def _apart(self) -> Any:
        # Persistent workers serve one pass at a time, which may be the epoch that goes on.
        if self._beside is None:
            self._beside = _reworked(self._source, self._seed, self._samples)
            if self._beside is not None:
                self._beside.__dict__["persistent_workers"] = False
        return self._beside

    def _held(self) -> Held:
        order = {way: copy.deepcopy(one) for way, one in self._order.states().items()}
        return Held(self._replayed.changed(), self._current.changed(), order)

    def _pass(self, number: int, start: int, loader: Any) -> Iterator[Any]:
        if self.workers:
            self.quiet()
        place = 0 if self._validates else number  # no number of the training's is seen in it
        self._tell(number, loader)
        self._seed_order(place, 0)
        if loader is not None:
            return self._from_loader(place, start, loader)
        source = self._source
        seed = partial(self._seed_order, place, stream="data")
        if self._knows_its_place and start:
            return placed(source, seed, self._order, number=start)
        if isinstance(source, Sequence):
            ahead = islice(source, start, None)
            return placed(ahead, seed, self._order, number=start)
        return islice(placed(source, seed, self._order), start, None)

    def _from_loader(self, place: int, start: int, loader: Any) -> Iterator[Any]:
        if isinstance(loader.dataset, Streamed):
            loader.dataset.tell(place)
            return islice(iter(loader), start, None)
        picks = loader.batch_sampler if loader.batch_sampler is not None else loader.sampler
        picks.epoch, picks.start, picks.seed = place, start, self._seed_order
        return iter(loader)

    def _seed_order(self, epoch: int, number: int, stream: Any = "order") -> None:
        seed_for(self._seed, epoch, number, stream)
        self._order.seed(number_for(self._seed, epoch, number, stream) ^ self._mark)

    def _tell(self, number: int, loader: Any) -> None:
        """Say which epoch it is to whatever wants to be told."""
        source: Any = self._source
        if loader is None:
            several: list[Any] = [source, getattr(source, "sampler", None)]
        else:
            batches = source.batch_sampler
            several = [source.sampler, batches, getattr(batches, "sampler", None)]
            several += [] if self._validates else [source.dataset]
        for one in {id(one): one for one in several}.values():
            if callable(tell := getattr(one, "set_epoch", None)):
                tell(number)

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


def _reworked(source: Iterable[Any], seed: int, samples: tuple[Own, ...]) -> Any:
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
    held["in_order"] = True  # else the quickest worker decides which batch comes next
    if isinstance(loader.dataset, IterableDataset):
        lasting = bool(loader.persistent_workers)
        held["dataset"] = Streamed(loader.dataset, seed, samples[0], lasting=lasting)
        return loader
    if loader.batch_sampler is not None:
        held["batch_sampler"] = Picks(loader.batch_sampler)
    else:
        held["sampler"] = Picks(loader.sampler)
    numbered = held["dataset"] = Numbered(loader.dataset, seed, samples[0])
    held["collate_fn"] = Collated(loader.collate_fn, numbered, samples[1])
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


def _order_of(source: Any) -> dict[str, Any]:
    """Name what the order of the batches is drawn from."""
    if isinstance(source, (list, tuple)):
        return {}
    if not isinstance(source, DataLoader):
        return {"loader": source}
    loader = cast("Any", source)
    return {
        "sampler": loader.sampler, "batch_sampler": loader.batch_sampler,
        "generator": loader.generator,
    }  # fmt: skip


def _samples_of(source: Any) -> tuple[Own, ...]:
    """Look at what samples are made of: one of a stream, two of what is asked for by number."""
    if not isinstance(source, DataLoader):
        return ()
    loader = cast("Any", source)
    if isinstance(loader.dataset, IterableDataset):
        return (Own(dataset=loader.dataset, collate_fn=loader.collate_fn),)
    return Own(dataset=loader.dataset), Own(collate_fn=loader.collate_fn)
