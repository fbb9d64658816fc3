"""One data set becomes two: one to train on, one to validate on."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from fivestep.arguments import describe
from fivestep.batches import brings_samples
from fivestep.counts import need_seed

Indices = np.ndarray[Any, np.dtype[np.int64]]


def split(
    data: Any,
    *,
    validation: float = 0.2,
    stratify: Any = False,
    shuffle: bool = True,
    seed: int | None = 0,
) -> tuple[Any, Any]:
    """Split ``data`` into a part to train on and a part to validate on; no sample is in both.

    Args:
        data: a pair ``(inputs, targets)`` of tensors, arrays or frames (both parts are such pairs
            again), or a ``Dataset`` (both parts are a ``Subset``).
        validation: the share of the samples to validate on, between 0 and 1, or their number.
        stratify: True to give both parts the same share of each class, taken from the targets; or
            one label per sample.
        shuffle: choose the samples at random; False takes the last ones, as a series in time needs.
        seed: decides the choice. None makes another one each time.

    Returns:
        ``(train, validate)``, each in the order of the data.

    Raises:
        TypeError, ValueError: given, got, do.
    """
    if not brings_samples(data):
        raise TypeError(
            f"the data to split is {describe(data)}, and it does not come sample by sample\n"
            "  do: split the pair (inputs, targets) or the Dataset, and make the loaders after that"
        )
    need_seed(seed)
    count = _length(data)
    held = _number(validation, count)
    labels = _labels(data, stratify, count)
    if labels is None:
        chosen = _choose(count, held, seed) if shuffle else np.arange(count - held, count)
    elif shuffle:
        chosen = _choose_stratified(labels, held, seed)
    else:
        raise ValueError(
            "stratify was given together with shuffle=False: the last samples are what they are\n"
            "  do: leave one of the two out"
        )
    mask = np.zeros(count, dtype=bool)
    mask[chosen] = True
    return _pick(data, np.flatnonzero(~mask)), _pick(data, np.flatnonzero(mask))


def _number(validation: Any, count: int) -> int:
    real = isinstance(validation, (int, float)) and not isinstance(validation, bool)
    real = real and math.isfinite(validation)
    held = round(validation * count) if isinstance(validation, float) and real else validation
    if not real or not 0 < held < count or (isinstance(validation, float) and validation >= 1):
        raise ValueError(
            f"validation={validation!r} of {count} samples leaves one part empty or is no share\n"
            f"  do: a share between 0 and 1, or a number from 1 to {count - 1}"
        )
    return int(held)


def _choose(count: int, held: int, seed: int | None) -> Indices:
    return np.random.default_rng(seed).permutation(count)[:held]


def _choose_stratified(labels: np.ndarray[Any, Any], held: int, seed: int | None) -> Indices:
    random = np.random.default_rng(seed)
    kinds, members = np.unique(labels, return_inverse=True)
    sizes = np.bincount(members, minlength=len(kinds))
    quota = _largest_remainders(sizes * (held / len(labels)), held)
    if (sizes < 2).any():
        rare = kinds[sizes < 2].tolist()
        raise ValueError(
            f"stratify: of the classes {rare[:5]} there is only one sample each\n"
            "  do: drop these, or stratify=False"
        )
    parts = [
        random.permutation(np.flatnonzero(members == kind))[: quota[kind]]
        for kind in range(len(kinds))
    ]
    return np.concatenate(parts)


def _largest_remainders(shares: np.ndarray[Any, Any], total: int) -> list[int]:
    # Whole numbers that add up to the total, each within one of its share.
    floors = np.floor(shares).astype(int)
    order = np.argsort(floors - shares, kind="stable")
    floors[order[: total - floors.sum()]] += 1
    return floors.tolist()


def _labels(data: Any, stratify: Any, count: int) -> np.ndarray[Any, Any] | None:
    if stratify is False or stratify is None:
        return None
    source = _targets(data) if stratify is True else stratify
    if source is None:
        raise ValueError(
            f"stratify=True was given with {describe(data)}, whose targets are not at hand\n"
            "  do: stratify=labels, one label for each sample"
        )
    labels = source.cpu().numpy() if isinstance(source, Tensor) else np.asarray(source)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        raise ValueError(
            f"stratify: labels of shape {labels.shape} were given for {count} samples\n"
            "  do: stratify=labels, one label for each sample"
        )
    return labels


def _targets(data: Any) -> Any:
    if isinstance(data, tuple):
        return cast("tuple[Any, Any]", data)[1]
    if isinstance(data, TensorDataset):
        return data.tensors[-1]
    return getattr(data, "targets", None)  # torchvision's name for them


def _length(data: Any) -> int:
    if not isinstance(data, tuple):
        return len(data)
    lengths = {len(part) for part in _parts(cast("tuple[Any, Any]", data))}
    if len(lengths) != 1:
        raise ValueError(
            f"inputs and targets differ in length: {sorted(lengths)}\n"
            "  do: give one target for each sample"
        )
    return lengths.pop()


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for part in cast("dict[Any, Any]", value).values() for leaf in _parts(part)]
    if isinstance(value, tuple):
        return [leaf for part in cast("tuple[Any, ...]", value) for leaf in _parts(part)]
    return [value]


def _pick(data: Any, indices: Indices) -> Any:
    if isinstance(data, tuple):
        return tuple(_pick_part(part, indices) for part in cast("tuple[Any, ...]", data))
    return Subset(data, indices.tolist())


def _pick_part(part: Any, indices: Indices) -> Any:
    if isinstance(part, dict):
        named = cast("dict[Any, Any]", part)
        return {key: _pick_part(value, indices) for key, value in named.items()}
    if isinstance(part, tuple):
        return tuple(_pick_part(value, indices) for value in cast("tuple[Any, ...]", part))
    if isinstance(part, Tensor):
        return part[torch.from_numpy(indices).to(part.device)]
    if hasattr(part, "iloc"):  # pandas keeps its columns and index
        return part.iloc[indices]
    return np.asarray(part)[indices]
