"""The first few batches of every epoch of the user's own data, in the order that they come in."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice
from typing import Any

from torch.utils.data import DataLoader, IterableDataset

from fivestep.batches import DEFAULT_BATCH_SIZE, Order, TensorBatches, batches, brings_samples, take

BATCHES = 5  # in an epoch: two windows of two and a short one


class Few:
    """The first picks of a sampler or batch sampler."""

    def __init__(self, inner: Any, count: int) -> None:
        self.inner, self.count = inner, count
        if hasattr(inner, "sampler"):
            self.sampler = inner.sampler

    def __iter__(self) -> Iterator[Any]:
        return islice(iter(self.inner), self.count)

    def __len__(self) -> int:
        return min(self.count, len(self.inner))

    def set_epoch(self, number: int) -> None:
        """Hand it on to who knows epochs."""
        if hasattr(self.inner, "set_epoch"):
            self.inner.set_epoch(number)


def shortened(data: Any, batch_size: int | None, seed: int) -> tuple[Any, int | None]:
    """Cut the data to a few batches in an epoch where that can be done; and the size of a batch.

    What cannot be cut (an iterable of the user's own, a stream) comes back as it is.
    """
    if brings_samples(data):
        return _of_samples(data, batch_size, seed)
    if isinstance(data, DataLoader):
        return _of_loader(data), batch_size
    if type(data) in (list, tuple):
        return data[:BATCHES], batch_size
    return data, batch_size


def _of_samples(data: Any, batch_size: int | None, seed: int) -> tuple[Any, int | None]:
    made = batches(data, batch_size=batch_size, seed=seed)
    cut = made.cut
    count = cut[0] if cut else len(data)
    size = batch_size or DEFAULT_BATCH_SIZE
    size = min(size, max(2, count // 4))
    if isinstance(made, TensorBatches):
        part = slice(0, size * BATCHES)
        return (take(made.inputs, part), take(made.targets, part)), size
    order = Order(min(count, size * BATCHES), shuffle=True, seed=seed)
    return DataLoader(data, batch_size=size, sampler=order), None


def _of_loader(loader: Any) -> Any:
    if (
        isinstance(loader.dataset, IterableDataset)
        or type(loader).__iter__ is not DataLoader.__iter__
    ):
        return loader
    short = copy.copy(loader)
    held: dict[str, Any] = short.__dict__
    held["_iterator"] = None
    which = "batch_sampler" if loader.batch_sampler is not None else "sampler"
    held[which] = Few(held[which], BATCHES)
    return short
