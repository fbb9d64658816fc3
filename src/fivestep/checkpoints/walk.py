"""A walk through what an object holds: to its generators, and to what counts in plain attributes.

It goes by attributes, containers and slots, by what a function closes over, by its defaults, and by
the globals that the code of a user's function or class names. Code of libraries is not read.
"""
# What is walked through can be anything at all.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import sys
import sysconfig
from collections import deque
from collections.abc import Collection, Iterator
from enum import Enum
from functools import cache, partial
from hashlib import blake2b
from itertools import islice
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from torch.utils.data import RandomSampler, SequentialSampler

from fivestep.randomness import GENERATORS

MOST = 100_000  # parts that are looked at
_FIRST = (
    1_000  # of more records (lists, dicts) in a list, or values in a dict, these are looked into
)
_LONG = 10_000  # of other things in a list, these
_FEW = 64  # values of a place that are compared, whether something else stands there
_WATCHED = {True: 32, False: 16}  # places that are watched: held, only named
_VALUES = (type(None), bool, int, float, complex, str, bytes, bytearray, range, slice, np.ndarray)
_TORCHS = (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer, torch.dtype, torch.device, torch.Size)
_LEAVES = frozenset((*_VALUES, *_TORCHS))
# Hooks look at a module, and belong to who looks.
_HIDDEN = frozenset(vars(torch.nn.Module())) - {"_modules"}
_LISTS = (list, tuple, deque)
Part = tuple[Any, Any, bool]  # a name, the part, whether it is held and not only named


class Look:
    """A place where a generator may come to stand, and what stood there when it was looked at."""

    def __init__(self, way: str, value: Any, *, held: bool, before: Look | None) -> None:
        self.way, self.value, self.held, self.before = way, value, held, before
        self.most = _FEW
        self.watched = self.leads = False
        self._seen: tuple[int, ...] = ()

    def note(self) -> None:
        """Note what stands there."""
        self._seen = self._identities()

    def parts(self) -> Iterator[Part]:
        """Give what is there now and was not."""
        count, known = self._seen[0], set(self._seen[1:])
        self.note()
        if self._seen[0] == count and known == set(self._seen[1:]):
            return
        for place, part in enumerate(_parts(self.value)):
            if place >= count or (place < self.most and id(part[1]) not in known):
                yield part

    @property
    def changed(self) -> bool:
        """Tell, at little cost, whether something else stands there."""
        return self._identities() != self._seen

    def _identities(self) -> tuple[int, ...]:
        values = _values(self.value)
        some = islice(values, self.most)
        count = min(len(values), _FIRST + 1)  # what comes after them is not looked into
        return count, *[0 if type(one) in _LEAVES else id(one) for one in some]


Way = tuple[str, Any, bool, Look | None]
Ways = deque[Way]


class Found:
    """What a walk came to: generators and objects with attributes, each by the way to it.

    Attributes:
        iterators: what they are, by the way to them: nobody can tell where they stand.
        whole: False where there was more than it looks at.
        changed: whether anything else has come to stand in the places that are watched.
    """

    def __init__(self) -> None:
        self.generators: dict[str, Any] = {}
        self.holders: dict[str, Any] = {}
        self.iterators: dict[str, str] = {}
        self.whole, self.changed = True, False
        self._looks: list[Look] = []
        self._left = dict(_WATCHED)

    def look(self) -> None:
        """Look whether anything new stands where it has been; find the generators there."""
        changed = [look for look in self._looks if look.changed]
        if not changed:
            return
        self.changed = True
        met = {id(one) for one in (*self.generators.values(), *self.holders.values())}
        met |= {id(look.value) for look in self._looks}
        ways: Ways = deque()
        for look in changed:
            ways.extend(_onwards(look.way, look.parts(), look, held=look.held))
        self.go(ways, met, _FIRST)

    def go(self, ways: Ways, met: set[int], most: int) -> None:
        """Go on from some ways, the nearest things first, each thing once."""
        looked = 0
        while ways and looked < most:
            way, value, held, before = ways.popleft()
            looked += 1
            if id(value) in met or isinstance(value, Enum) or _ours(value):
                continue
            met.add(id(value))
            if isinstance(value, GENERATORS):
                self.generators[way] = value
                self._leads(before)
                continue
            if held and type(value).__module__ in ("builtins", "itertools"):
                if isinstance(value, Iterator):
                    self.iterators[way] = type(value).__name__
            elif held and _has_attributes(value):
                self.holders[way] = value
            look = before
            if not isinstance(value, (tuple, partial, MethodType)):  # these stay what they are
                look = Look(way, value, held=held, before=before)
                self._watch(look)
            ways.extend(_onwards(way, _parts(value), look, held=held))
        self.whole = self.whole and not ways

    def _watch(self, look: Look) -> None:
        if self._left[look.held]:
            self._left[look.held] -= 1
            self._add(look)

    def _leads(self, look: Look | None) -> None:
        """Watch the whole way to a generator: another one may take its place."""
        while look is not None and not look.leads:
            look.leads, look.most = True, _FIRST
            self._add(look)
            look = look.before

    def _add(self, look: Look) -> None:
        look.note()
        if not look.watched:
            look.watched = True
            self._looks.append(look)


def walk(**owners: Any) -> Found:
    """Walk through the owners, the nearest things first, each thing once."""
    found = Found()
    ways = [(name, one, True, None) for name, one in owners.items() if type(one) not in _LEAVES]
    found.go(deque(ways), set(), MOST)
    return found


def _onwards(way: str, parts: Iterator[Part], look: Look | None, *, held: bool) -> Iterator[Way]:
    for name, part, within in parts:
        if type(part) not in _LEAVES and not _is_flat(part):
            yield f"{way}.{_name(name)}", part, held and within, look


def _name(key: Any) -> str:
    """Name a part by its key: 1 is not "1", and keys that begin alike are told apart."""
    text = key if isinstance(key, str) else f"[{key!r}]"
    if len(text) <= 80:
        return text
    return f"{text[:80]} {blake2b(text.encode(errors='replace'), digest_size=6).hexdigest()}"


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


def _parts(value: Any) -> Iterator[Part]:
    """Give the parts of a value: a name, the part, whether it is held and not only named."""
    if isinstance(value, dict):
        yield from ((key, part, True) for key, part in list(islice(value.items(), _FIRST)))
    elif isinstance(value, _LISTS):
        some = list(islice(value, _looked_into(value)))
        yield from ((str(place), part, True) for place, part in enumerate(some))
    if isinstance(value, MethodType):
        yield from (("self", value.__self__, True), ("func", value.__func__, False))
    elif isinstance(value, FunctionType):
        yield from _of_function(value)
    elif isinstance(value, type):
        yield from _of_class(value)
    elif not isinstance(value, (ModuleType, CodeType)):
        yield from _of_object(value)


def _looked_into(value: Collection[Any]) -> int:
    if len(value) <= _FIRST:
        return _FIRST
    kinds = set(map(type, islice(value, _FIRST)))
    return _FIRST if kinds <= {*_LEAVES, list, tuple, dict} else _LONG


def _values(value: Any) -> Collection[Any]:
    """Give the same parts, without names, at little cost."""
    if isinstance(value, dict):
        return value.values()
    if isinstance(value, _LISTS):
        return value
    if isinstance(value, FunctionType):
        return [part for _, part, _ in _of_function(value)]
    if isinstance(value, type):
        return [
            part
            for kind in value.__mro__
            if _theirs(kind.__module__)
            for part in vars(kind).values()
        ]
    if isinstance(value, (ModuleType, CodeType)):
        return ()
    plainly = type(value).__getattribute__ is object.__getattribute__ and not _slots(type(value))
    held = getattr(value, "__dict__", None) if plainly else None
    return (attributes(value) if type(held) is not dict else held).values()


def _is_flat(part: Any) -> bool:
    return type(part) is tuple and len(part) <= 16 and set(map(type, part)) <= _LEAVES


def _of_function(value: FunctionType) -> Iterator[Part]:
    cells = zip(value.__code__.co_freevars, value.__closure__ or (), strict=False)
    yield from ((name, _content(cell), True) for name, cell in cells)
    defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    yield from ((f"default {place}", part, True) for place, part in enumerate(defaults))
    yield from ((name, part, True) for name, part in vars(value).items())
    yield from ((name, part, False) for name, part in _named(value))


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


def _of_class(value: type) -> Iterator[Part]:
    for kind in value.__mro__:
        if _theirs(kind.__module__):
            for name, part in list(vars(kind).items()):
                if name not in ("__dict__", "__weakref__", "__module__", "__doc__"):
                    yield name, plain_function(part), False


def plain_function(part: Any) -> Any:
    """Give the function that a static or class method or a property is made of."""
    if isinstance(part, (staticmethod, classmethod)):
        return part.__func__
    return part.fget if isinstance(part, property) else part


def _of_object(value: Any) -> Iterator[Part]:
    if isinstance(value, partial):
        yield from (("func", value.func, True), ("args", value.args, True))
        yield "keywords", value.keywords, True
    hidden = _hidden(value)
    yield from (
        (name, part, True) for name, part in attributes(value).items() if name not in hidden
    )
    if _theirs(type(value).__module__):
        yield "class", type(value), False


def _hidden(value: Any) -> Collection[str]:
    if type(value) in (SequentialSampler, RandomSampler):
        return ("data_source",)  # they ask for its length alone: it is no part of the order
    return _HIDDEN if isinstance(value, torch.nn.Module) else ()


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
