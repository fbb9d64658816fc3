"""Plain values: numbers, text, and small containers and arrays of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

_SMALL = 1_000  # values, in all that is within a container
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
REFILLED = (list, dict, set)
MUTABLE = (*REFILLED, torch.Tensor, np.ndarray)


def is_plain(value: Any) -> bool:
    """Tell what a checkpoint may keep of an attribute: small, and nothing but values."""
    return _left(value, _SMALL, 3) >= 0


def _left(value: Any, left: int, depth: int) -> int:
    """Take what is in a value from what may be; below 0 it is too much, or no plain value."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, np.generic):
        return left - 1
    if kind is torch.Tensor:
        fits = value.layout is torch.strided and value.is_leaf
        return left - value.numel() if fits else -1
    if kind is np.ndarray:
        return left - value.size if value.dtype.kind in "biufc" else -1
    if kind not in (list, tuple, dict, set) or len(value) > left or not depth:
        return -1
    return _left_of_all(value.items() if kind is dict else value, left, depth)


def _left_of_all(parts: Any, left: int, depth: int) -> int:
    pairs = not isinstance(parts, (list, tuple, set))
    for part in parts:
        if pairs and _left(part[0], _SMALL, depth - 1) < 0:
            return -1
        left = _left(part[1] if pairs else part, left, depth - 1)
        if left < 0:
            return left
    return left


def kind_of(value: Any) -> str:
    """Say what a value is that is not plain, and how large: it is compared by that alone."""
    kind = type(value).__name__
    if isinstance(value, (torch.Tensor, np.ndarray)):
        return f"a {kind} of {'x'.join(map(str, value.shape)) or 'one'}"
    if type(value) in (list, tuple, dict, set):
        return f"a {kind} of {len(value)}"
    return f"a {kind}"


def brief(value: Any) -> str:
    """Write a value in a few words."""
    text = repr(value).replace("\n", " ")
    return text if len(text) <= 60 else f"{text[:60]}..."


def same(a: Any, b: Any) -> bool:
    """Tell whether two values are the same to the bit."""
    return type(a) is type(b) and bytes_of(a) == bytes_of(b)


def bytes_of(value: Any) -> bytes:
    """Write a value so that others are written otherwise."""
    if isinstance(value, torch.Tensor):
        raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return f"{value.dtype} {tuple(value.shape)}".encode() + raw.numpy().tobytes()
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}".encode() + value.tobytes()
    if isinstance(value, dict):
        return b"{" + b",".join(bytes_of([key, part]) for key, part in value.items()) + b"}"
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(map(bytes_of, value)) + b"]"
    return repr(value).encode()


def put_in(holder: Any, name: str, value: Any, *, within: bool) -> None:
    """Set an attribute, a tensor on the device of the one that is there.

    Args:
        holder: whose it is.
        name: of the attribute.
        value: the new one.
        within: put it into the object that is there: somebody else may hold that one, too.
    """
    held = getattr(holder, "__dict__", None)
    before = getattr(holder, name, None) if held is None else held.get(name)
    value = _moved(value, before)
    if held is None or (name not in held and hasattr(type(holder), name)):
        object.__setattr__(holder, name, value)
    elif not (within and _refilled(before, value)):
        held[name] = value


def _refilled(before: Any, value: Any) -> bool:
    if type(before) is not type(value):
        return False
    if isinstance(before, REFILLED):
        before.clear()
        before.extend(value) if isinstance(before, list) else before.update(value)
        return True
    if before.shape != value.shape or before.dtype != value.dtype:
        return False
    try:
        with torch.no_grad():
            before[...] = value
    except (RuntimeError, ValueError):  # it is expanded, or must not be written to
        return False
    return True


def _moved(value: Any, before: Any) -> Any:
    if isinstance(value, torch.Tensor) and isinstance(before, torch.Tensor):
        return value.to(before.device)
    if type(value) is not type(before) or type(value) not in (list, tuple, dict):
        return value
    if isinstance(value, dict):
        return {key: _moved(part, before.get(key)) for key, part in value.items()}
    there = [*before, *[None] * (len(value) - len(before))]
    return type(value)(_moved(part, old) for part, old in zip(value, there, strict=False))
