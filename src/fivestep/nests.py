"""Tensors in nests: tuples, lists, mappings, dataclasses, as deep as they go."""

from __future__ import annotations

import copy
import dataclasses
from collections import UserDict
from collections.abc import Callable, Mapping
from typing import Any, cast

from torch import Tensor


def mapped(
    value: Any, each: Callable[[Tensor], Any], other: Callable[[Any], Any] | None = None
) -> Any:
    """Apply ``each`` to every tensor of a nest.

    Whatever nothing was changed in is handed back as it is; else a new object of its type.

    Args:
        value: tensors in tuples, named tuples, lists, mappings and dataclasses.
        each: from a tensor to what takes its place.
        other: is given what has a method ``to`` of its own, and that is not looked into: torch's
            PackedSequence, of which a part has to stay on the CPU.
    """
    if isinstance(value, Tensor):
        return each(value)
    if value is None or isinstance(value, (str, bytes, int, float)):
        return value
    if type(value) in (tuple, list):
        return _sequence(value, each, other)
    if isinstance(value, (dict, UserDict)):
        return _mapping(value, each, other)
    if other is not None and _moves(value):
        return other(value)
    if isinstance(value, (tuple, list)):
        return _sequence(cast("Any", value), each, other)
    if isinstance(value, Mapping):
        return _mapping(cast("Any", value), each, other)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _dataclass(value, each, other)
    return value


def _moves(value: Any) -> bool:
    return not isinstance(value, type) and callable(getattr(value, "to", None))


def _sequence(value: Any, each: Any, other: Any) -> Any:
    parts = [mapped(part, each, other) for part in value]
    if all(new is old for new, old in zip(parts, value, strict=True)):
        return value
    if isinstance(value, list):
        made = cast("list[Any]", copy.copy(value))
        made[:] = parts
        return made
    kind = cast("Any", type(value))
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def _mapping(value: Any, each: Any, other: Any) -> Any:
    parts = {key: mapped(part, each, other) for key, part in value.items()}
    changed = {key: part for key, part in parts.items() if part is not value[key]}
    if not changed:
        return value
    if not isinstance(value, (dict, UserDict)):
        return cast("Any", type(value))(parts)
    made: Any = copy.copy(cast("Any", value))
    for key, part in changed.items():
        made[key] = part
    return made


def _dataclass(value: Any, each: Any, other: Any) -> Any:
    parts = {
        field.name: getattr(value, field.name)
        for field in dataclasses.fields(value)
        if hasattr(value, field.name)
    }
    changed = {
        name: part for name, old in parts.items() if (part := mapped(old, each, other)) is not old
    }
    if not changed:
        return value
    made = copy.copy(value)
    for name, part in changed.items():
        object.__setattr__(made, name, part)  # a frozen one as well
    return made
