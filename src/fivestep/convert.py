"""Arrays and tables become tensors, once, before the first batch."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from fivestep.arguments import describe


def to_tensors(value: Any, name: str, dtype: torch.dtype | None = None) -> Any:
    """Turn ``value`` into tensors that share its memory where they can.

    Args:
        value: a tensor (handed on untouched), a NumPy array, a list of numbers, a pandas Series or
            DataFrame, or a tuple or dict of these (several inputs or targets).
        name: what the value is, for messages: ``inputs`` or ``targets``.
        dtype: the floating type that floating arrays become, the default type if None. Integers
            become ``int64``, booleans stay; complex arrays get the complex type of this size.

    Raises:
        TypeError: there is no tensor to be made of it: text, objects, dates, categories, masks.
        ValueError: whole numbers too large for ``int64``.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        parts = cast("dict[str, Any]", value)
        return {key: to_tensors(part, f"{name}[{key!r}]", dtype) for key, part in parts.items()}
    if isinstance(value, tuple):
        parts = cast("tuple[Any, ...]", value)
        return tuple(to_tensors(part, f"{name}[{i}]", dtype) for i, part in enumerate(parts))
    return _from_array(_to_array(value, name), name, dtype or torch.get_default_dtype())


def leaves(value: Any, name: str) -> list[tuple[str, Tensor]]:
    """List the tensors in a nest of tuples, lists and dicts, each with its name in the nest."""
    if isinstance(value, Tensor):
        return [(name, value)]
    if isinstance(value, dict):
        items = list(cast("dict[Any, Any]", value).items())
    elif isinstance(value, (tuple, list)):
        items = list(enumerate(cast("list[Any]", value)))
    else:
        return []
    return [leaf for key, part in items for leaf in leaves(part, f"{name}[{key!r}]")]


def count_samples(inputs: Any, targets: Any) -> int:
    """Count the samples of a batch: the length of its first tensor, targets before inputs."""
    if isinstance(targets, Tensor) and targets.ndim:
        return len(targets)
    for _, tensor in (*leaves(targets, "targets"), *leaves(inputs, "inputs")):
        if tensor.ndim:
            return len(tensor)
    return 1


def widened(value: Tensor) -> Tensor:
    """Convert to the widest floating type of its device: sums of many batches lose no digits."""
    return value.float() if value.device.type == "mps" else value.double()


def _to_array(value: Any, name: str) -> np.ndarray[Any, Any]:
    if isinstance(value, np.ndarray):
        return cast("np.ndarray[Any, Any]", value)
    if hasattr(value, "to_numpy"):  # pandas: known by what it can do, never imported
        return _from_table(value, name)
    if isinstance(value, list):
        return _from_list(cast("list[Any]", value), name)
    raise TypeError(
        f"{name} is {describe(value)}, and a tensor, a NumPy array or a pandas frame was expected"
        f"\n  do: convert it first, e.g. {name} = torch.as_tensor(...)"
    )


def _from_list(value: list[Any], name: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise TypeError(
            f"{name}: got a list whose rows differ in length or kind ({error})\n"
            "  do: make all rows equally long (pad them), or pass a Dataset that returns one "
            "sample at a time"
        ) from error


def _from_table(table: Any, name: str) -> np.ndarray[Any, Any]:
    dtypes: Any = getattr(table, "dtypes", None)
    columns = dict(dtypes.items()) if hasattr(dtypes, "items") else {name: table.dtype}
    bad = [f"{column!r} ({kind})" for column, kind in columns.items() if not _is_numeric(kind)]
    if bad:
        raise TypeError(
            f"{name}: columns {', '.join(bad)} hold no numbers\n"
            "  do: drop them, or turn them into numbers: frame[column].cat.codes for categories, "
            "pd.get_dummies(frame) for one column each"
        )
    kinds = {kind.kind for kind in columns.values()}
    nullable = any(getattr(kind, "na_value", None) is not None for kind in columns.values())
    if len(kinds) == 1 and not nullable:
        return table.to_numpy()
    if "f" in kinds or (nullable and bool(np.asarray(table.isna()).any())):
        return table.to_numpy(dtype="float64", na_value=np.nan)  # NA becomes NaN
    return table.to_numpy(dtype="bool" if kinds == {"b"} else "int64")  # they may be classes


def _is_numeric(kind: Any) -> bool:
    return getattr(kind, "kind", None) in set("biuf")


def _from_array(array: np.ndarray[Any, Any], name: str, dtype: torch.dtype) -> Tensor:
    if array.dtype.kind not in "biufc":
        what = {"U": "text", "S": "bytes", "M": "dates", "O": "Python objects"}
        raise TypeError(
            f"{name}: got an array of {what.get(array.dtype.kind, str(array.dtype))} "
            f"(dtype {array.dtype}), and numbers were expected\n"
            "  do: encode it as numbers first, e.g. np.unique(labels, return_inverse=True)[1]"
        )
    _refuse_silent_losses(array, name)
    size = array.dtype.itemsize
    if not array.flags.writeable or any(step < 0 or step % size for step in array.strides):
        array = array.copy()  # torch shares memory, and warns or fails where it cannot
    return torch.from_numpy(_native(array)).to(_kind(array, dtype))


def _refuse_silent_losses(array: np.ndarray[Any, Any], name: str) -> None:
    if np.ma.is_masked(array):
        raise TypeError(
            f"{name}: got a masked array with {int(np.ma.count_masked(array))} masked values, and "
            f"a tensor knows no mask\n  do: {name}.filled(0) to fill them, or leave their rows out"
        )
    if array.dtype.kind == "u" and array.size and int(array.max()) > torch.iinfo(torch.int64).max:
        raise ValueError(
            f"{name}: got {array.dtype} values up to {array.max()}, and int64 ends before that\n"
            "  do: make them smaller, e.g. np.unique(values, return_inverse=True)[1]"
        )


def _native(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Big-endian files and the unsigned or long-double types that torch does not know.
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind in "iu":
        return array.astype(np.int64, copy=False)
    widest = {"b": 1, "f": 8, "c": 16}[kind]
    return array.astype(f"={kind}{min(size, widest)}", copy=False)


def _kind(array: np.ndarray[Any, Any], dtype: torch.dtype) -> torch.dtype:
    kinds = {"b": torch.bool, "f": dtype, "c": dtype.to_complex()}
    return kinds.get(array.dtype.kind, torch.int64)
