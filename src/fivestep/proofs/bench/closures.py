"""Functions that close over the model, copied with it: ``copy.deepcopy`` leaves them as they are.

minGPT's blocks keep ``self.mlpf = lambda x: m.c_proj(...)``: in a deep copy that goes on computing
with the original's layers. Such functions may lie in lists, tuples, dicts and partials as well.
"""

from __future__ import annotations

import types
from functools import partial
from typing import Any, cast

from torch import nn

_EMPTY = object()


def rebind(model: Any, memo: dict[int, Any]) -> None:
    """Let the functions that a copied model keeps in its attributes use the copies."""
    if not isinstance(model, nn.Module):
        return
    for module in model.modules():
        held = vars(module)
        for name, value in list(held.items()):
            if (bound := rebound(value, memo)) is not value:
                held[name] = bound


def rebound(value: Any, memo: dict[int, Any]) -> Any:
    """Return ``value``, or the same over the copies of what it reaches.

    Args:
        value: anything; only a plain function, and what holds one, is changed.
        memo: of the ``copy.deepcopy`` that made the copies.
    """
    return _made(value, memo, {}) if _reaches(value, memo, set()) else value


def _reaches(value: Any, memo: dict[int, Any], seen: set[int]) -> bool:
    """Tell whether something that was copied can be come by from here."""
    if memo.get(id(value), value) is not value:
        return True
    if id(value) in seen:
        return False
    seen.add(id(value))
    return any(_reaches(part, memo, seen) for part in _parts(value))


def _parts(value: Any) -> list[Any]:
    if isinstance(value, types.FunctionType):
        options = (value.__kwdefaults__ or {}).values()
        return [*map(_held, value.__closure__ or ()), *(value.__defaults__ or ()), *options]
    if type(value) is partial:
        made = cast("partial[Any]", value)
        return [made.func, *made.args, *made.keywords.values()]
    if type(value) is dict:
        return list(cast("dict[Any, Any]", value).values())
    return cast("list[Any]", value) if type(value) in (list, tuple) else []


def _held(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return _EMPTY


def _made(value: Any, memo: dict[int, Any], made: dict[int, Any]) -> Any:
    """Make it anew; ``made`` holds the functions, which may reach themselves."""
    if id(value) in memo:
        return memo[id(value)]
    if id(value) in made or not _reaches(value, memo, set()):
        return made.get(id(value), value)
    if isinstance(value, types.FunctionType):
        return _function(value, memo, made)
    if type(value) is partial:
        one = cast("partial[Any]", value)
        function, *others = [_made(part, memo, made) for part in _parts(one)]
        args, named = others[: len(one.args)], others[len(one.args) :]
        return partial(function, *args, **dict(zip(one.keywords, named, strict=True)))
    parts = [_made(part, memo, made) for part in _parts(value)]
    return dict(zip(value, parts, strict=True)) if type(value) is dict else type(value)(parts)


def _function(value: types.FunctionType, memo: dict[int, Any], made: dict[int, Any]) -> Any:
    cells = tuple(types.CellType() for _ in value.__closure__ or ())
    function = types.FunctionType(
        value.__code__, value.__globals__, value.__name__, None, cells or None
    )
    made[id(value)] = function
    for cell, old in zip(cells, value.__closure__ or (), strict=True):
        if (held := _held(old)) is not _EMPTY:
            cell.cell_contents = _made(held, memo, made)
    if value.__defaults__ is not None:
        function.__defaults__ = tuple(_made(one, memo, made) for one in value.__defaults__)
    if value.__kwdefaults__ is not None:
        options = value.__kwdefaults__.items()
        function.__kwdefaults__ = {name: _made(one, memo, made) for name, one in options}
    vars(function).update(vars(value))
    return function
