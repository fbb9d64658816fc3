"""A walk through what an object holds: to its generators, and to what counts in plain attributes.

It goes by attributes, containers and slots, by what a function closes over, by its defaults, and by
the globals that the code of a user's function or class names. Code of libraries is not read.
"""
# What is walked through can be anything at all.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import random
import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Collection, Iterator
from enum import Enum
from functools import cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch

GENERATORS = (torch.Generator, random.Random, np.random.RandomState, np.random.Generator)
MOST = 100_000  # parts that are looked at
_LONG = 10_000  # of a list so long, whose parts are all lists themselves, the first are looked into
_FIRST = 1_000
_FEW = 64
_VALUES = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, np.ndarray)
_TORCHS = (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer, torch.dtype, torch.device, torch.Size)
_LEAVES = frozenset((*_VALUES, *_TORCHS))
# Hooks look at a module, and belong to who looks.
_HIDDEN = frozenset(vars(torch.nn.Module())) - {"_modules"}
_LISTS = (list, tuple, deque)


class Found(NamedTuple):
    """What a walk came to: generators and objects with attributes, each by the way to it."""

    generators: dict[str, Any]
    holders: dict[str, Any]
    iterators: dict[str, str]  # what they are: nobody can tell where they stand
    whole: bool  # False where there was more than it looks at
    looks: list[tuple[Callable[[], Collection[Any]], tuple[int, ...]]]

    @property
    def changed(self) -> bool:
        """Tell, at little cost, whether anything new stands where it has been."""
        return any(_identities(look()) != seen for look, seen in self.looks)


def walk(**owners: Any) -> Found:
    """Walk through the owners, the nearest things first, each thing once."""
    found, met = Found({}, {}, {}, True, []), set[int]()
    ways: deque[tuple[str, Any, bool]] = deque((name, one, True) for name, one in owners.items())
    looked = 0
    while ways and looked < MOST:
        way, value, held = ways.popleft()
        looked += 1
        if type(value) in _LEAVES or id(value) in met or isinstance(value, Enum) or _ours(value):
            continue
        met.add(id(value))
        if isinstance(value, GENERATORS):
            found.generators[way] = value
            continue
        if held and type(value).__module__ in ("builtins", "itertools"):
            if isinstance(value, Iterator):
                found.iterators[way] = type(value).__name__
        elif held and _has_attributes(value):
            found.holders[way] = value
        for name, part, within in _parts(value, found):
            if type(part) not in _LEAVES:
                ways.append((f"{way}.{name}", part, held and within))
    return found._replace(whole=not ways)


def attributes(value: Any) -> dict[str, Any]:
    """Read the attributes of an object itself, those in slots too."""
    try:
        held = dict(object.__getattribute__(value, "__dict__"))
    except (AttributeError, TypeError, ValueError):
        held = {}
    for name in _slots(type(value)):
        try:
            held[name] = object.__getattribute__(value, name)
        except AttributeError:
            continue
    return held


@cache
def _slots(kind: type) -> tuple[str, ...]:
    found: list[str] = []
    for one in kind.__mro__:
        named = one.__dict__.get("__slots__", ()) if _theirs(one.__module__) else ()
        for name in (named,) if isinstance(named, str) else tuple(named):
            if name not in ("__dict__", "__weakref__"):
                hidden = name.startswith("__") and not name.endswith("__")
                found.append(f"_{one.__name__.lstrip('_')}{name}" if hidden else name)
    return tuple(found)


def _ours(value: Any) -> bool:
    kind = value if isinstance(value, (type, FunctionType)) else type(value)
    return str(kind.__module__).partition(".")[0] == "fivestep"


def _has_attributes(value: Any) -> bool:
    if isinstance(value, (type, ModuleType, FunctionType, MethodType, partial)):
        return False
    return hasattr(value, "__dict__") or bool(_slots(type(value)))


def _parts(value: Any, found: Found) -> Iterator[tuple[str, Any, bool]]:
    """Give the parts of a value: a name, the part, whether it is held and not only named."""
    if isinstance(value, (*_LISTS, dict)):
        yield from _of_container(value, found)
    if isinstance(value, MethodType):
        yield from (("self", value.__self__, True), ("func", value.__func__, False))
    elif isinstance(value, FunctionType):
        yield from _of_function(value, found)
    elif isinstance(value, type):
        yield from _of_class(value, found)
    elif not isinstance(value, (ModuleType, CodeType)):
        yield from _of_object(value, found)


def _of_container(value: Any, found: Found) -> Iterator[tuple[str, Any, bool]]:
    if isinstance(value, dict):
        held: dict[Any, Any] = value
        _watch(found, held.values)
        yield from ((str(key)[:80], part, True) for key, part in list(held.items()))
        return
    kinds = set(map(type, value))
    if kinds <= _LEAVES:
        if len(value) <= _FEW:  # something may be put into it yet
            _watch(found, lambda: value)
        return
    _watch(found, lambda: value)
    short = len(value) > _LONG and kinds <= {*_LEAVES, list, tuple}
    for place, part in enumerate(list(value)[: _FIRST if short else None]):
        if not _is_flat(part):
            yield str(place), part, True


def _is_flat(part: Any) -> bool:
    return type(part) in (list, tuple) and len(part) <= 16 and set(map(type, part)) <= _LEAVES


def _of_function(value: FunctionType, found: Found) -> Iterator[tuple[str, Any, bool]]:
    def looked_at() -> list[tuple[str, Any, bool]]:
        cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=False)
        parts = [(name, _content(cell), True) for name, cell in cells]
        defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        parts += [(f"default {place}", part, True) for place, part in enumerate(defaults)]
        parts += [(name, part, True) for name, part in vars(value).items()]
        return parts + [(name, part, False) for name, part in _named(value)]

    _watch(found, lambda: [part for _, part, _ in looked_at()])
    yield from looked_at()


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # nothing is in it yet
        return None


def _named(function: FunctionType) -> list[tuple[str, Any]]:
    """Give the globals that a function's code names, and what it names of the user's modules."""
    if not _theirs(function.__module__):
        return []
    names, space = names_of(function.__code__), function.__globals__
    found = [(name, space[name]) for name in names if name in space]
    for name, one in list(found):
        if isinstance(one, ModuleType) and _theirs(one.__name__):
            found += [(f"{name}.{part}", vars(one)[part]) for part in names if part in vars(one)]
    return found


@cache
def names_of(code: CodeType) -> tuple[str, ...]:
    """Give the names of globals and attributes that code uses, that within it too."""
    inner = [one for one in code.co_consts if isinstance(one, CodeType)]
    return (*code.co_names, *(name for one in inner for name in names_of(one)))


def _of_class(value: type, found: Found) -> Iterator[tuple[str, Any, bool]]:
    for kind in value.__mro__:
        if not _theirs(kind.__module__):
            continue
        _watch(found, lambda kind=kind: list(vars(kind).values()))
        for name, part in list(vars(kind).items()):
            if name not in ("__dict__", "__weakref__", "__module__", "__doc__"):
                yield name, plain_function(part), False


def plain_function(part: Any) -> Any:
    """Give the function that a static or class method or a property is made of."""
    if isinstance(part, (staticmethod, classmethod)):
        return part.__func__
    return part.fget if isinstance(part, property) else part


def _of_object(value: Any, found: Found) -> Iterator[tuple[str, Any, bool]]:
    if isinstance(value, partial):
        yield from (("func", value.func, True), ("args", value.args, True))
        yield "keywords", value.keywords, True
    held = attributes(value)
    if held or _has_attributes(value):
        _watch(found, lambda: list(attributes(value).values()))
        hidden = _HIDDEN if isinstance(value, torch.nn.Module) else ()
        yield from ((name, part, True) for name, part in held.items() if name not in hidden)
    if _theirs(type(value).__module__):
        yield "class", type(value), False


def _watch(found: Found, look: Callable[[], Collection[Any]]) -> None:
    found.looks.append((look, _identities(look())))


def _identities(values: Collection[Any]) -> tuple[int, ...]:
    if len(values) > _FIRST:
        return (len(values),)
    return tuple(id(one) for one in values if type(one) not in _LEAVES)


@cache
def _theirs(name: str | None) -> bool:
    """Tell the user's own modules from those of Python, of libraries and of fivestep."""
    if name is None or name.partition(".")[0] in ("fivestep", "builtins"):
        return False
    module = sys.modules.get(name)
    if name == "__main__":
        return True
    path = getattr(module, "__file__", None) or ""
    if not path or "site-packages" in path or "dist-packages" in path:
        return False
    paths = sysconfig.get_paths()
    return not path.startswith((paths["stdlib"], paths["platstdlib"]))
