"""Data in, batches out. The order of the samples is a function of the seed and the epoch alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler, Subset, TensorDataset

from fivestep.arguments import describe
from fivestep.convert import leaves, to_tensors
from fivestep.counts import need_count, need_seed

DEFAULT_BATCH_SIZE = 32


class Batches:
    """Batches of an iterable that makes them itself: a ``DataLoader``, a list, an own class."""

    samples: int | None = None  # in one epoch, where that is known

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._iterable = iterable

    def __len__(self) -> int:
        """Count the batches of one epoch; ``TypeError`` if the iterable does not know."""
        return len(cast("Any", self._iterable))

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data.

        Args:
            number: counts from 1 and decides the order.
            start: so many batches at the front are left out.
        """
        sampler = getattr(self._iterable, "sampler", None)
        if hasattr(sampler, "set_epoch"):  # without it a DistributedSampler repeats one order
            cast("Any", sampler).set_epoch(number)
        return islice(self._iterable, start, None) if start else iter(self._iterable)

    @property
    def source(self) -> Iterable[Any]:
        """What makes the batches."""
        return self._iterable

    @property
    def cut(self) -> tuple[int, int] | None:
        """The samples in an epoch and in a batch, if both are known and the rest is a batch too."""
        loader = cast("Any", self._iterable)
        if not isinstance(loader, DataLoader) or loader.batch_size is None or loader.drop_last:
            return None
        count = _length_if_known(loader.sampler)
        return None if count is None else (count, loader.batch_size)

    @property
    def generators(self) -> list[torch.Generator]:
        """The generators that a loader draws its order from, where it was given its own."""
        loader, sampler = self._iterable, getattr(self._iterable, "sampler", None)
        found = [getattr(owner, "generator", None) for owner in (loader, sampler)]
        return [generator for generator in found if isinstance(generator, torch.Generator)]


class Order(Sampler[int]):
    """The samples of one epoch, in an order that ``seed`` and the epoch's number decide."""

    def __init__(self, count: int, *, shuffle: bool, seed: int | None) -> None:
        self.count, self.shuffle, self.seed, self.number = count, shuffle, seed, 1

    def set_epoch(self, number: int) -> None:
        """Say which epoch comes next; the same name as DistributedSampler's."""
        self.number = number

    def indices(self) -> Tensor:
        """Give the order of this epoch: shape (count,), int64, on the CPU."""
        if not self.shuffle:
            return torch.arange(self.count)
        if self.seed is None:
            return torch.randperm(self.count)
        return torch.from_numpy(
            np.random.default_rng((self.seed, self.number)).permutation(self.count)
        )

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices().tolist())

    def __len__(self) -> int:
        return self.count


class TensorBatches(Batches):
    """Batches cut from tensors in memory by indexing, on the device where they live."""

    def __init__(self, inputs: Any, targets: Any, *, batch_size: int, order: Order) -> None:
        super().__init__(())
        self.inputs, self.targets = inputs, targets
        self.samples, self.batch_size, self.order = order.count, batch_size, order

    def __len__(self) -> int:
        return -(-self.order.count // self.batch_size)

    @property
    def cut(self) -> tuple[int, int] | None:
        """The samples in an epoch and in a batch."""
        return self.order.count, self.batch_size

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data, in the order of epoch ``number``, from batch ``start`` on."""
        self.order.set_epoch(number)
        first = start * self.batch_size
        if not self.order.shuffle:
            return self._slices(first)
        return self._picks(self.order.indices()[first:])

    def _slices(self, first: int) -> Iterator[Any]:
        for start in range(first, self.order.count, self.batch_size):
            part = slice(start, start + self.batch_size)
            yield take(self.inputs, part), take(self.targets, part)

    def _picks(self, indices: Tensor) -> Iterator[Any]:
        (_, first), *_ = leaves((self.inputs, self.targets), "data")
        if not len(indices):  # split would make one empty part of it
            return
        for part in indices.to(first.device).split(self.batch_size):
            yield take(self.inputs, part), take(self.targets, part)


def batches(
    data: Any,
    *,
    batch_size: int | None = None,
    shuffle: bool | None = None,
    seed: int | None = 0,
    dtype: torch.dtype | None = None,
) -> Batches:
    """Make batches of ``data``.

    Args:
        data: a pair ``(inputs, targets)`` of tensors, NumPy arrays, pandas frames or tuples or
            dicts of them; a ``Dataset``; or anything that yields batches each time it is iterated:
            a ``DataLoader``, a list of batches, an own class.
        batch_size: samples in a batch, 32 if not said; the last batch may be smaller.
        shuffle: a new order in every epoch; True if not said.
        seed: decides the order together with the epoch's number. None draws it from torch's
            global generator.
        dtype: what floating NumPy and pandas data become; torch's default type if not said.

    Raises:
        TypeError, ValueError: there are no batches in it; the message says what to do.
    """
    if batch_size is not None:
        need_count("batch_size", batch_size)
    need_seed(seed)
    if isinstance(data, tuple) and len(cast("tuple[Any, ...]", data)) == 2:
        return _in_memory(*cast("tuple[Any, Any]", data), batch_size, shuffle, seed, dtype)
    if (tensors := _tensors_of(data)) is not None:
        return _in_memory(*tensors, batch_size, shuffle, seed, dtype)
    if isinstance(data, IterableDataset):
        _refuse(shuffle=shuffle, why="an IterableDataset, which sets its own order")
        size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
        return Batches(DataLoader(cast("Any", data), batch_size=size, generator=_generator(seed)))
    if is_dataset(data):
        return _from_dataset(data, batch_size, shuffle, seed)
    _check_iterable(data)
    _refuse(batch_size=batch_size, shuffle=shuffle, why=f"{describe(data)}, which makes batches")
    return Batches(data)


def in_order(
    data: Any, *, batch_size: int | None = None, dtype: torch.dtype | None = None
) -> Batches:
    """Make batches for evaluation: unshuffled where the order is ours to choose."""
    if isinstance(data, Batches):
        return data
    shuffle = False if brings_samples(data) else None
    return batches(data, batch_size=batch_size, shuffle=shuffle, dtype=dtype)


def brings_samples(data: Any) -> bool:
    """Tell data that is still to be cut into batches from what makes its batches itself."""
    pair = isinstance(data, tuple) and len(cast("tuple[Any, ...]", data)) == 2
    return pair or is_dataset(data)


def is_dataset(data: Any) -> bool:
    """Tell a data set, which is indexed by sample, from what yields batches."""
    if isinstance(data, (DataLoader, Tensor, np.ndarray, str, bytes, list, tuple, dict, set)):
        return False
    if hasattr(data, "to_numpy"):  # a table has a length and columns, but no samples by number
        return False
    if isinstance(data, Dataset):
        return not isinstance(data, IterableDataset)
    return (
        hasattr(data, "__getitem__") and hasattr(data, "__len__") and not hasattr(data, "__iter__")
    )


def take(value: Any, part: slice | Tensor) -> Any:
    """Copy the same samples out of every tensor of a nest."""
    if isinstance(value, Tensor):
        # A slice alone would be a view, and a model that works in place would change the data.
        return value[part].clone() if isinstance(part, slice) else value[part]
    if isinstance(value, dict):
        return {key: take(item, part) for key, item in cast("dict[str, Any]", value).items()}
    return tuple(take(item, part) for item in cast("tuple[Any, ...]", value))


def _in_memory(
    inputs: Any,
    targets: Any,
    batch_size: int | None,
    shuffle: bool | None,
    seed: int | None,
    dtype: torch.dtype | None,
) -> TensorBatches:
    inputs, targets = to_tensors(inputs, "inputs", dtype), to_tensors(targets, "targets", dtype)
    count = _common_length([*leaves(inputs, "inputs"), *leaves(targets, "targets")])
    order = Order(count, shuffle=shuffle is not False, seed=seed)
    size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
    return TensorBatches(inputs, targets, batch_size=size, order=order)


def _common_length(tensors: Sequence[tuple[str, Tensor]]) -> int:
    if not tensors:
        raise TypeError("the data holds no tensor\n  do: pass a pair (inputs, targets)")
    for name, tensor in tensors:
        if tensor.ndim == 0:
            raise ValueError(
                f"{name} is a single number (shape ()), and one row for each sample was expected\n"
                f"  do: give it a first dimension, e.g. {name}.reshape(-1, 1)"
            )
    (first, tensor), *rest = tensors
    for name, other in rest:
        if len(other) != len(tensor):
            raise ValueError(
                f"{first} and {name} differ in length: {len(tensor)} {tuple(tensor.shape)} "
                f"and {len(other)} {tuple(other.shape)}\n"
                "  do: give one target for each sample"
            )
        if other.device != tensor.device:
            raise ValueError(
                f"{first} is on {tensor.device} and {name} on {other.device}\n"
                f"  do: put both on one device, e.g. {name}.to({str(tensor.device)!r})"
            )
    if len(tensor) == 0:
        raise ValueError(
            f"the data set is empty: {first} has shape {tuple(tensor.shape)}\n"
            "  do: check the filter or the path that made it"
        )
    return len(tensor)


def _tensors_of(data: Any) -> tuple[Any, Any] | None:
    # Exactly TensorDataset: a subclass may transform its samples one by one.
    if type(data) is TensorDataset:
        tensors = data.tensors
    elif type(data) is Subset and type(data.dataset) is TensorDataset:  # pyright: ignore[reportUnknownMemberType]
        subset = cast("Subset[Any]", data)
        index = torch.as_tensor(subset.indices, dtype=torch.int64)
        tensors = tuple(
            tensor[index.to(tensor.device)]
            for tensor in cast("TensorDataset", subset.dataset).tensors
        )
    else:
        return None
    if len(tensors) != 2:
        raise TypeError(
            f"the TensorDataset holds {len(tensors)} tensors, and a pair (inputs, targets) was "
            "expected\n  do: pass ((first, second), targets) for several inputs"
        )
    return tensors[0], tensors[1]


def _from_dataset(
    data: Any, batch_size: int | None, shuffle: bool | None, seed: int | None
) -> Batches:
    count = len(data)
    if count == 0:
        raise ValueError(
            f"the data set is empty: len({type(data).__name__}) is 0\n"
            "  do: check the filter or the path that made it"
        )
    size = DEFAULT_BATCH_SIZE if batch_size is None else batch_size
    order = Order(count, shuffle=shuffle is not False, seed=seed)
    made = Batches(DataLoader(data, batch_size=size, sampler=order, generator=_generator(seed)))
    made.samples = count
    return made


def _generator(seed: int | None) -> torch.Generator | None:
    # A loader draws a number each time it is iterated: from its own generator, not the model's.
    return None if seed is None else torch.Generator().manual_seed(seed)


def _check_iterable(data: Any) -> None:
    if isinstance(data, (Tensor, np.ndarray, str, bytes, dict)) or hasattr(data, "to_numpy"):
        raise TypeError(
            f"the data is {describe(cast('Any', data))}, and inputs with targets were expected\n"
            "  do: pass a pair (inputs, targets), a Dataset or a DataLoader"
        )
    if isinstance(data, (list, tuple)) and _all_tensors(cast("Sequence[Any]", data)):
        raise TypeError(
            f"the data is {describe(cast('Any', data))} tensors or arrays, and a pair (inputs, "
            "targets) was expected\n"
            "  do: pass a tuple of two, (x, y); of several inputs, ((a, b), y)"
        )
    if not hasattr(data, "__iter__") and not hasattr(data, "__getitem__"):
        raise TypeError(
            f"the data is {describe(data)}, and nothing that yields batches\n"
            "  do: pass a pair (inputs, targets), a Dataset, a DataLoader or a list of batches"
        )
    if _length_if_known(data) == 0:
        raise ValueError(
            f"the data set is empty: len({type(data).__name__}) is 0\n"
            "  do: check what made it (drop_last with fewer samples than one batch?)"
        )


def _length_if_known(data: Any) -> int | None:
    try:
        return len(data)
    except TypeError:  # also where there is a __len__: a DataLoader over a stream
        return None


def _all_tensors(data: Sequence[Any]) -> bool:
    return bool(data) and all(
        isinstance(part, (Tensor, np.ndarray)) or hasattr(part, "to_numpy") for part in data
    )


def _refuse(*, why: str, **options: Any) -> None:
    for name, value in options.items():
        if value is not None:
            raise ValueError(
                f"{name}={value!r} was given together with {why}\n"
                f"  do: leave {name} out, and set it where the batches are made"
            )
