"""The names on the lit line and their values in short, read without running a line of anybody's.

No ``repr``, no property, no ``__getattr__``: a value of a kind that is not known here is told by
the name of its class alone.
"""
# To look into objects from outside is the work of this file.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import inspect
import math
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn

from fivestep.page.lines import Span, Statement
from fivestep.vitals.measure import measurable, quietly

MOST = 12  # names of one line
LONG = 80  # characters of one value
FIRST = 3  # elements of a tensor

ONLY_THE_FRAME = 3  # references: the frame's, our variable, the question itself

_UNKNOWN = object()
_UNINTERESTING = (
    types.ModuleType, types.FunctionType, types.BuiltinFunctionType, type(torch.ops.aten.add),
)  # fmt: skip
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_HELD = (list, tuple, dict, set, frozenset)


def shown(
    frame: FrameType, statement: Statement, call: Span | None, result: Any
) -> list[dict[str, Any]]:
    """Tell the names of a statement and their values.

    Args:
        frame: it is at this statement, in the middle of the call.
        statement: the names.
        call: where that call stands.
        result: what the call will return.
    """
    fresh = _fresh(statement, call, result)
    known = _known(frame, {name.split(".")[0] for name in statement.names})
    found: list[dict[str, Any]] = []
    for name in statement.names:
        if name in statement.targets and name not in fresh:
            continue  # what it holds is left from before
        value = fresh[name] if name in fresh else lookup(known, name)
        if value is not _UNKNOWN and not _is_uninteresting(value) and len(found) < MOST:
            found.append({"name": name} | tell(value))
    return found


def of_names(frame: FrameType, names: Iterable[str]) -> list[Any]:
    """The values of these names in a frame, as far as they have one."""
    wanted = list(names)
    known = _known(frame, {name.split(".")[0] for name in wanted})
    found = [lookup(known, name) for name in wanted]
    return [one for one in found if one is not _UNKNOWN]


def _fresh(statement: Statement, call: Span | None, result: Any) -> dict[str, Any]:
    """The result of the call has not been given its name yet."""
    if call is None or call != statement.whole or not statement.targets:
        return {}
    if len(statement.targets) == 1:
        return {statement.targets[0]: result}
    if type(result) is tuple and len(result) == len(statement.targets):
        return dict(zip(statement.targets, result, strict=True))
    return {}


def _known(frame: FrameType, names: set[str]) -> dict[str, Any]:
    """The variables of a frame that have these names."""
    local = frame.f_locals
    found = {name: local[name] for name in names if name in local}
    # Up to Python 3.12 this is a copy that hangs on the frame: all that it holds would live on.
    # Unless the script has asked for it, too: then it is the script's own ``locals()``.
    function = frame.f_code.co_flags & inspect.CO_OPTIMIZED
    if function and type(local) is dict and sys.getrefcount(local) <= ONLY_THE_FRAME:
        local.clear()
    return {name: frame.f_globals[name] for name in names if name in frame.f_globals} | found


def is_tensor(frame: FrameType, dotted: str) -> bool:
    """Tell whether a name of a frame is that of a tensor."""
    value = lookup(_known(frame, {dotted.split(".")[0]}), dotted)
    return issubclass(type(value), torch.Tensor)


def lookup(known: Mapping[str, Any], dotted: str) -> Any:
    """The value of ``a`` or ``a.b``, without running anything."""
    first, *rest = dotted.split(".")
    value: Any = known.get(first, _UNKNOWN)
    for name in rest:
        value = _attribute(value, name)
    return value


def _attribute(value: Any, name: str) -> Any:
    """What stands in the object's own dictionary, or in those of an ``nn.Module``."""
    for names in _dictionaries(value):
        if name in names:
            return names[name]
    return _UNKNOWN


def _dictionaries(value: Any) -> Iterator[Mapping[str, Any]]:
    try:
        own = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return
    if type(own) is not dict:
        return
    yield own
    if issubclass(type(value), nn.Module):
        for kind in ("_parameters", "_buffers", "_modules"):
            if type(own.get(kind)) is dict:
                yield own[kind]


def _is_uninteresting(value: Any) -> bool:
    return issubclass(type(value), (type, *_UNINTERESTING))


def tell(value: Any) -> dict[str, Any]:
    """One value in short: text, and the shape and dtype of a tensor."""
    kind = type(value)
    if kind in (torch.Tensor, nn.Parameter):
        with quietly():
            return _tensor(value)
    if kind is np.ndarray:
        return _array(value)
    if kind in _PLAIN:
        return {"text": _plain(value)}
    if kind in _HELD:
        return {"text": f"{kind.__name__} of {len(value)}"}
    if issubclass(kind, torch.optim.Optimizer):
        return {"text": _optimizer(value)}
    return {"text": class_name(kind)}


def class_name(kind: type) -> str:
    """The name of a class, past whatever its metaclass may answer."""
    return cut(type.__dict__["__name__"].__get__(kind))


def cut(text: str) -> str:
    """At most ``LONG`` characters of it."""
    return text if len(text) <= LONG else text[: LONG - 1] + "…"


def _plain(value: Any) -> str:
    if type(value) in (str, bytes):
        return cut(repr(value[:LONG]))
    if type(value) is int and abs(value) >= 10**18:
        return f"about 2**{value.bit_length() - 1}"
    return f"{value:.6g}" if type(value) is float else cut(repr(value))


def _optimizer(value: Any) -> str:
    groups = _attribute(value, "param_groups")
    name = class_name(type(value))
    if type(groups) is list and groups and type(groups[0]) is dict:
        rate = groups[0].get("lr")
        if type(rate) in (int, float):
            return f"{name}, lr {rate:g}"
    return name


def _tensor(tensor: torch.Tensor) -> dict[str, Any]:
    shape, dtype = list(tensor.shape), str(tensor.dtype).removeprefix("torch.")
    facts = {"shape": shape, "dtype": dtype}
    if tensor.device.type != "cpu":
        facts["dtype"] = f"{dtype}, {tensor.device}"
    numbers = first(tensor, FIRST)
    if numbers is None:
        return {"text": "", **facts}
    return {"text": _numbers(numbers, tensor.numel(), not shape), **facts}


def first(tensor: torch.Tensor, count: int) -> list[float] | None:
    """The first elements of a tensor; None where there are no numbers to be had."""
    with quietly():
        if not measurable(tensor):
            return None
        some: Any = (
            tensor.detach().reshape(-1) if tensor.is_contiguous() else _corner(tensor, count)
        )
        return [float(one) for one in some[:count].tolist()]


def _corner(tensor: torch.Tensor, count: int) -> torch.Tensor:
    """The beginning of a tensor that lies in pieces, without a copy of all of it."""
    some = tensor.detach()
    while some.dim() > 1 and some[0].numel() >= count:
        some = some[0]
    return some.reshape(-1)


def _array(array: Any) -> dict[str, Any]:
    facts = {"shape": list(array.shape), "dtype": str(array.dtype)}
    if array.dtype.kind not in "biuf":
        return {"text": "", **facts}
    numbers = [float(one) for one in array.flat[:FIRST].tolist()]
    return {"text": _numbers(numbers, array.size, not array.shape), **facts}


def _numbers(numbers: list[float], count: int, lone: bool) -> str:
    told = [f"{one:.4g}" if math.isfinite(one) else str(one) for one in numbers]
    if lone:
        return told[0]
    return f"[{', '.join(told)}{', …' if count > len(told) else ''}]"
