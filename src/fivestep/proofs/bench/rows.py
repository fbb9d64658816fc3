"""Some samples of the user's data, to be cut into any batches: rows along the first dimension."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import Tensor

from fivestep.arguments import pairs
from fivestep.batches import Batches
from fivestep.convert import count_samples, leaves


class Fixed:
    """Batches that are there already, and come again in every epoch."""

    def __init__(self, given: list[Any]) -> None:
        self._given = given

    def __iter__(self) -> Iterator[Any]:
        return iter(self._given)

    def __len__(self) -> int:
        return len(self._given)


@dataclass(frozen=True)
class Rows:
    """Samples, and how the loop is to see a batch of them."""

    data: Any  # (inputs, targets), or the batch of a `forward`
    count: int
    whole: bool  # a batch goes to `forward` as it is

    def batch(self, part: slice | Tensor) -> Any:
        """Some of the samples, as the data would hand them out."""
        return picked(self.data, part, self.count)

    def pair(self, part: slice | Tensor) -> tuple[Any, Any]:
        """The same as inputs and as targets."""
        batch = self.batch(part)
        return (batch, batch) if self.whole else cast("tuple[Any, Any]", tuple(batch))

    def first(self, count: int) -> Rows:
        """Only so many of them."""
        count = min(count, self.count)
        return Rows(self.batch(slice(0, count)), count, self.whole)

    def cut(self, sizes: Sequence[int]) -> Fixed:
        """Batches of these sizes, one after the other."""
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        both = zip(starts, sizes, strict=True)
        return Fixed([self.batch(slice(start, start + size)) for start, size in both])

    def cut_evenly(self, size: int) -> Fixed:
        """Batches of one size; the last one holds what is left."""
        return self.cut([min(size, self.count - start) for start in range(0, self.count, size)])

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Rows:
        """The same samples with every tensor changed: cast, moved."""
        return replace(self, data=_each(self.data, change))


def pairs_of(batches: Fixed, rows: Rows) -> list[tuple[Any, Any]]:
    """The batches as inputs and targets, as the loop gets them."""
    return [(one, one) for one in batches] if rows.whole else list(pairs(batches))


def uneven(count: int, parts: int) -> list[int]:
    """Cut a number of samples into parts of different sizes, each of at least 2 where it can be."""
    least = 2 if count >= 2 * parts else 1
    parts = min(parts, count // least) or 1
    shares = [(2, 1, 4, 3)[i % 4] for i in range(parts)]
    spare = count - least * parts
    sizes = [least + spare * share // sum(shares) for share in shares]
    sizes[-1] += count - sum(sizes)
    return sizes


def collect(made: Batches, samples: int, *, whole: bool) -> Rows:
    """Take samples from the first batches of the data, as many as can be put together.

    Raises:
        ValueError: there is none.
        TypeError: a batch is no pair, and there is no ``forward`` to take it.
    """
    gathered: Rows | None = None
    stream = iter(made.epoch(1)) if whole else iter(pairs(made.epoch(1)))
    for batch in stream:
        found = Rows(batch, _count(batch, whole=whole), whole)
        gathered = found if gathered is None else _joined(gathered, found)
        if gathered.count >= samples:
            break
    if gathered is None:
        raise ValueError(
            "the data set is empty: it gave no batch\n"
            "  do: check what made it; a generator is used up after one pass"
        )
    return gathered.first(samples)


def _count(batch: Any, *, whole: bool) -> int:
    inputs, targets = (batch, batch) if whole else batch
    return count_samples(inputs, targets)


def _joined(first: Rows, second: Rows) -> Rows:
    try:
        data = _joined_values(first.data, second.data, first.count, second.count)
    except (RuntimeError, TypeError, ValueError, KeyError):  # sequences padded to other lengths
        return first
    return Rows(data, first.count + second.count, first.whole)


def _joined_values(first: Any, second: Any, rows: int, more: int) -> Any:
    if isinstance(first, Tensor):
        by_row = first.ndim and len(first) == rows and second.ndim and len(second) == more
        return torch.cat([first, second]) if by_row else first
    if isinstance(first, Mapping):
        found = {
            key: _joined_values(part, second[key], rows, more)
            for key, part in cast("Mapping[Any, Any]", first).items()
        }
        return _like(first, found)
    if isinstance(first, (list, tuple)):
        one, other = cast("list[Any]", first), cast("list[Any]", second)
        if len(one) == rows and len(other) == more and not leaves(one, ""):
            return _like(first, [*one, *other])
        both = zip(one, other, strict=True)
        return _like(first, [_joined_values(a, b, rows, more) for a, b in both])
    return first


def picked(value: Any, part: slice | Tensor, count: int) -> Any:
    """Copy the same rows out of everything in a nest that has a row for each sample."""
    if isinstance(value, Tensor):
        if not (value.ndim and len(value) == count):
            return value.clone()
        return value[part].clone() if isinstance(part, slice) else value[part.to(value.device)]
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return _like(value, {key: picked(one, part, count) for key, one in items})
    if isinstance(value, (list, tuple)):
        items = cast("list[Any]", value)
        if len(items) == count and not leaves(items, ""):  # texts, names
            index = torch.arange(count)[part].tolist()
            return _like(value, [items[i] for i in index])
        return _like(value, [picked(one, part, count) for one in items])
    return value


def _each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[Any, Any]", value).items()
        return _like(value, {key: _each(one, change) for key, one in items})
    if isinstance(value, (list, tuple)):
        return _like(value, [_each(one, change) for one in cast("list[Any]", value)])
    return value


def _like(value: Any, parts: Any) -> Any:
    """The parts in a container of the kind they came in."""
    if type(value) in (dict, list, tuple):
        return type(value)(parts)
    if hasattr(value, "_fields"):  # a named tuple
        return type(value)(*parts)
    try:
        return type(value)(parts)
    except TypeError:
        return dict(parts) if isinstance(parts, dict) else tuple(parts)


def row(value: Tensor, index: int, count: int) -> list[Tensor]:
    """What belongs to one sample: several readings where rows were folded with another dimension.

    Shapes (count, ...), (count x m, ...), (m x count, ...) and (m, count, ...).
    """
    if value.ndim == 0:
        return []
    length = len(value)
    if length == count:
        return [value[index]]
    found: list[Tensor] = []
    if length % count == 0:
        rest = value.shape[1:]
        found = [
            value.reshape(count, length // count, *rest)[index],
            value.reshape(length // count, count, *rest)[:, index],
        ]
    if value.ndim > 1 and value.shape[1] == count:
        found.append(value[:, index])
    return found
