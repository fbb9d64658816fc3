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
            become ``int64``, booleans stay.

    Raises:
        TypeError: there is no tensor to be made of it: text, objects, dates, categories.
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
    if hasattr(value, "to_numpy"):  # pandas, polars: known by what they can do, never imported
        return _from_table(value, name)
    if isinstance(value, list):
        return _from_list(cast("list[Any]", value), name)
    raise TypeError(
        f"{name}: got {describe(value)}, and a tensor, a NumPy array or a pandas frame was expected"
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
    if any(getattr(kind, "na_value", None) is not None for kind in columns.values()):
        return table.to_numpy(dtype="float64", na_value=np.nan)  # nullable types: NA becomes NaN
    return table.to_numpy()


def _is_numeric(kind: Any) -> bool:
    return getattr(kind, "kind", None) in set("biuf")


def _from_array(array: np.ndarray[Any, Any], name: str, dtype: torch.dtype) -> Tensor:
    if array.dtype.kind not in "biuf":
        what = {"U": "text", "S": "bytes", "M": "dates", "O": "Python objects", "c": "complex"}
        raise TypeError(
            f"{name}: got an array of {what.get(array.dtype.kind, str(array.dtype))} "
            f"(dtype {array.dtype}), and numbers were expected\n"
            "  do: encode it as numbers first, e.g. np.unique(labels, return_inverse=True)[1]"
        )
    if not array.flags.writeable or any(step < 0 for step in array.strides):
        array = array.copy()  # torch shares memory, and warns or fails where it cannot
    if array.dtype.kind == "b":
        return torch.from_numpy(array)
    return torch.from_numpy(_native(array)).to(torch.int64 if array.dtype.kind in "iu" else dtype)


def _native(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    # Big-endian files and the unsigned or long-double types that torch does not know.
    if array.dtype.kind == "f":
        return array.astype(array.dtype.newbyteorder("=") if array.dtype.itemsize <= 8 else "f8")
    return array.astype(np.int64)
