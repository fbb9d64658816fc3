"""Two states side by side: how far apart, where most, and whether to the last bit the same."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from fivestep.proofs.bench.verdict import Measure

GROWTH = 1024  # roundings that may add up, in units of the machine epsilon
MOST = 0.1  # of the scale: what a short type (bfloat16) may be off before it proves nothing


class Difference(NamedTuple):
    """The largest difference between two states."""

    absolute: float
    of: float  # the largest absolute value in either
    where: str
    equal: bool
    change: str = ""  # in words, for what is no number

    @property
    def relative(self) -> float:
        """The difference as a share of the largest value."""
        if self.absolute == 0:
            return 0.0
        return self.absolute / self.of if self.of else math.inf


def differ(first: dict[str, Any], second: dict[str, Any]) -> Difference:
    """Compare two states key by key and find the largest difference; the first one, if several."""
    found = Difference(0.0, 0.0, "", True)
    for key in dict.fromkeys((*first, *second)):
        found = _worse(found, _one(key, first.get(key, _MISSING), second.get(key, _MISSING)))
    return found


def worst(differences: Iterable[Difference]) -> Difference:
    """The largest of several."""
    found = Difference(0.0, 0.0, "", True)
    for one in differences:
        found = _worse(found, one)
    return found


def bitwise(what: str, found: Difference, dtype: str, *, decides: bool = True) -> Measure:
    """A comparison that allows no difference at all."""
    where = f"{found.where}: {found.change}" if found.change else found.where
    return Measure(
        what, dtype, found.absolute, found.relative, where, 0.0,
        "the same operations in the same order give the same bits", found.equal, decides,
    )  # fmt: skip


def rounded(
    what: str, found: Difference, dtype: torch.dtype, *,
    scale: float, of_what: str, tolerance: float | None, decides: bool = True,
) -> Measure:  # fmt: skip
    """A comparison that allows for rounding: machine epsilon times growth times scale."""
    epsilon = torch.finfo(dtype).eps
    share = min(epsilon * GROWTH, MOST) if tolerance is None else tolerance
    why = f"{epsilon:.2g} (machine epsilon of {name_of(dtype)}) x {GROWTH} (growth) x {scale:.2g}"
    if tolerance is not None:
        why = f"{tolerance:g} (tolerance) x {scale:.2g}"
    elif share == MOST:
        why = f"{MOST:g} ({name_of(dtype)} can tell no more) x {scale:.2g}"
    return Measure(
        what, name_of(dtype), found.absolute, found.relative, found.where, share * scale,
        f"{why} ({of_what})", found.equal, decides,
    )  # fmt: skip


def name_of(dtype: torch.dtype) -> str:
    """``float32``."""
    return str(dtype).removeprefix("torch.")


_MISSING = object()


def _worse(first: Difference, second: Difference) -> Difference:
    of = max(first.of, second.of)
    if second.absolute > first.absolute or (first.equal and not second.equal):
        return second._replace(of=of, equal=first.equal and second.equal)
    return first._replace(of=of, equal=first.equal and second.equal)


def _one(key: str, first: Any, second: Any) -> Difference:
    if first is _MISSING or second is _MISSING:
        return Difference(math.inf, 0.0, key, False, "only on one side")
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return _plain(key, cast("Any", first).tobytes(), cast("Any", second).tobytes())
    if not (isinstance(first, Tensor) and isinstance(second, Tensor)):
        return _plain(key, first, second)
    if first.shape != second.shape:
        return Difference(math.inf, 0.0, key, False, f"{_shape(first)} became {_shape(second)}")
    return _tensors(key, first, second)


def _plain(key: str, first: Any, second: Any) -> Difference:
    same = type(first) is type(second) and (first == second or first is second)
    if same or (first != first and second != second):
        return Difference(0.0, 0.0, key, True)
    change = "" if isinstance(first, bytes) else f"{first!r:.40} became {second!r:.40}"
    numbers = all(isinstance(one, (int, float)) for one in (first, second))
    absolute = abs(float(first) - float(second)) if numbers else math.inf
    size = max(abs(float(first)), abs(float(second))) if numbers else 0.0
    return Difference(absolute, size, key, False, change)


def _tensors(key: str, first: Tensor, second: Tensor) -> Difference:
    one, other = _wide(first), _wide(second)
    if one.numel() == 0:
        return Difference(0.0, 0.0, key, first.dtype == second.dtype)
    same = (one == other) | (one.isnan() & other.isnan())
    apart = torch.where(same, 0.0, (one - other).abs()).nan_to_num(nan=math.inf, posinf=math.inf)
    place = int(apart.argmax())
    of = max(float(_finite(one)), float(_finite(other)))
    where = f"{key}{_index(place, one.shape)}"
    return Difference(float(apart.reshape(-1)[place]), of, where, same_bits(first, second))


def _finite(value: Tensor) -> Tensor:
    return value.abs().nan_to_num(nan=0.0, posinf=0.0).max()


def _wide(value: Tensor) -> Tensor:
    value = value.detach().to_dense() if value.layout is not torch.strided else value.detach()
    value = torch.view_as_real(value) if value.is_complex() else value
    return value.cpu().double()


def same_bits(first: Tensor, second: Tensor) -> bool:
    """Tell whether two tensors hold the same bits, -0.0 and NaN included."""
    if first.dtype != second.dtype or first.shape != second.shape:
        return False
    return bool(_bytes(first).equal(_bytes(second)))


def _bytes(value: Tensor) -> Tensor:
    value = value.detach().to_dense() if value.layout is not torch.strided else value.detach()
    value = torch.view_as_real(value) if value.is_complex() else value
    return value.contiguous().reshape(-1).view(torch.uint8).cpu()


def _index(place: int, shape: torch.Size) -> str:
    return str([int(i) for i in np.unravel_index(place, tuple(shape))]) if shape else ""


def _shape(value: Tensor) -> str:
    return str(tuple(value.shape))
