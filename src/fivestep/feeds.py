"""Batches on their way to the loop: handed out whole, only a few, one again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice, repeat
from typing import Any

import torch

from fivestep.batches import Batches


class Around(Batches):
    """Batches made from other batches; whoever asks about the data is told of the original."""

    def __init__(self, made: Batches) -> None:
        super().__init__(())
        self.made, self.samples = made, made.samples

    def __len__(self) -> int:
        return len(self.made)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data from batch ``start`` on, in the order of epoch ``number``."""
        return iter(self.made.epoch(number, start))

    @property
    def source(self) -> Iterable[Any]:
        """What makes the batches."""
        return self.made.source

    @property
    def cut(self) -> tuple[int, int] | None:
        """The samples in an epoch and in a batch."""
        return self.made.cut

    @property
    def generators(self) -> list[torch.Generator]:
        """The generators that a loader draws its order from."""
        return self.made.generators


class Whole(Around):
    """Each batch as inputs and as targets, for a ``forward`` and a loss that take all of it."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data, each batch as the pair ``(batch, batch)``."""
        for batch in self.made.epoch(number, start):
            yield batch, batch


class Changed(Around):
    """Each batch as a function makes it: moved to another device."""

    def __init__(self, made: Batches, change: Callable[[Iterator[Any]], Iterator[Any]]) -> None:
        super().__init__(made)
        self._change = change

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data."""
        return self._change(iter(self.made.epoch(number, start)))


class First(Around):
    """The first ``count`` batches of an epoch only."""

    def __init__(self, made: Batches, count: int) -> None:
        super().__init__(made)
        self._count, self.samples = count, None

    def __len__(self) -> int:
        return min(self._count, len(self.made))

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go through the first batches of the data."""
        return islice(self.made.epoch(number, start), max(self._count - start, 0))

    @property
    def cut(self) -> tuple[int, int] | None:
        """Not known: the rest of the data is left out."""
        return None


class OneBatch(Around):
    """The first batch again and again, as often as an epoch has batches (once, if nobody knows)."""

    def __init__(self, made: Batches) -> None:
        super().__init__(made)
        self.samples, self._batch = None, None

    def __len__(self) -> int:
        try:
            return len(self.made)
        except TypeError:
            return 1

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go through the one batch, as often as ``len`` says."""
        return repeat(self.batch, max(len(self) - start, 0))

    @property
    def batch(self) -> Any:
        """The batch; fetched when it is first asked for.

        Raises:
            ValueError: there is none.
        """
        if self._batch is None:
            self._batch = next(iter(self.made.epoch(1)), None)
            if self._batch is None:
                raise ValueError(
                    "the data set is empty: there is no batch to overfit\n"
                    "  do: check what makes the batches"
                )
        return self._batch

    @property
    def cut(self) -> tuple[int, int] | None:
        """Not known: the rest of the data is left out."""
        return None


class Feed:
    """An iterator that remembers where it is, so that a failure can be told from its batch."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches = batches
        self.batch: Any = None
        self.count = 0
        self.exhausted = self.fetching = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        self.fetching = True
        try:
            self.batch = next(self._batches)
        except StopIteration:
            self.exhausted, self.fetching = True, False
            raise
        self.count += 1
        self.fetching = False
        return self.batch
