"""What data and models hold of their own: generators to be seeded, attributes that count."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from hashlib import blake2b
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from fivestep.checkpoints.seeds import seed_one, set_states_of, states_of
from fivestep.checkpoints.walk import MOST, Found, attributes, walk

_SMALL = 1_000  # parts of a container, or elements of a tensor, that are kept
_PLAIN = (type(None), bool, int, float, complex, str, bytes)
_REFILLED = (list, dict, set)
_MUTABLE = (*_REFILLED, torch.Tensor, np.ndarray)
# What torch keeps there is a matter of torch, and the mode is one of ``fit``.
_TORCHS = frozenset(vars(torch.nn.Module()))
_OPTIMIZERS = frozenset(vars(torch.optim.SGD([torch.zeros(1)])))


class Own:
    """The generators that some objects hold, wherever they hold them, and when they are made."""

    def __init__(self, **owners: Any) -> None:
        self._owners = owners
        self._found: Found | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_owners": self._owners, "_found": None}  # a worker looks for itself

    def found(self) -> Found:
        """Walk through the objects, if anything is new there."""
        if self._found is None or self._found.changed:
            self._found = walk(**self._owners)
        return self._found

    def seed(self, number: int) -> None:
        """Seed each with a number that ``number`` and the way to it decide."""
        for way, one in self.found().generators.items():
            digest = blake2b(f"{number} {way}".encode(), digest_size=8).digest()
            seed_one(one, int.from_bytes(digest) >> 1)

    def under(self, seed: Callable[[], int], make: Callable[[], Any]) -> Any:
        """Make something from seeded generators; once more if one was made only meanwhile."""
        self.seed(seed())
        before = set(self.found().generators)
        made = make()
        if set(self.found().generators) <= before:
            return made
        self.seed(seed())  # it was not seeded, as it will be from now on
        return make()

    def states(self) -> dict[str, Any]:
        """Collect the states of the generators."""
        found = self.found().generators
        return dict(zip(found, states_of(list(found.values())), strict=True))

    def put(self, states: dict[str, Any]) -> None:
        """Put them back where they are still held."""
        found = self.found().generators
        both = [way for way in states if way in found]
        set_states_of([found[way] for way in both], [states[way] for way in both])

    def digest(self) -> int:
        """Make a number of the states as they stand: what the user has seeded them with."""
        text = _bytes(list(self.states().values()))
        return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 1


class Attributes:
    """The plain attributes of some objects that are no more what they were when it was made.

    Numbers, text, and small containers and arrays of them. What does not change is a setting: it
    is the program's to say, not the checkpoint's.
    """

    def __init__(self, *, direct: bool = False, **owners: Any) -> None:
        self.own, self._direct, self._owners = Own(**owners), direct, owners
        self.first = self._read()

    def changed(self) -> dict[str, Any]:
        """Copy those that changed."""
        now = self._read()
        return {
            key: value
            for key, value in now.items()
            if key not in self.first or not _same(value, self.first[key])
        }

    def put(self, values: dict[str, Any]) -> None:
        """Put them back; those that had not changed then become what they were at first."""
        wanted = {key: self.first[key] for key in self.changed() if key in self.first} | values
        holders, within = self._holders(), self._within(wanted)
        for key, value in wanted.items():
            way, _, name = key.rpartition(".")
            if way in holders:
                _set(holders[way], name, copy.deepcopy(value), within=key in within)

    def _within(self, wanted: dict[str, Any]) -> set[str]:
        """Find what is put into the object that is there: all who hold that one get the same."""
        live, groups = self._live(), dict[int, list[str]]()
        for key, value in live.items():
            if isinstance(value, _MUTABLE):
                groups.setdefault(id(value), []).append(key)
        after = live | wanted
        return {
            key
            for keys in groups.values()
            if len(keys) > 1 or isinstance(live[keys[0]], _REFILLED)
            if all(_same(after[one], after[keys[0]]) for one in keys)
            for key in keys
        }

    def _holders(self) -> dict[str, Any]:
        return self._owners if self._direct else self.own.found().holders

    def _read(self) -> dict[str, Any]:
        return {key: copy.deepcopy(value) for key, value in self._live().items()}

    def _live(self) -> dict[str, Any]:
        return {
            f"{way}.{name}": value
            for way, holder in self._holders().items()
            for name, value in attributes(holder).items()
            if name not in _not_theirs(holder) and is_plain(value)
        }


def told(what: str, found: Found) -> None:
    """Say so if there was more in an object than is looked at."""
    if not found.whole:
        warnings.warn(
            f"checkpoint: {what} holds more than {MOST:,} objects; generators and counters beyond "
            "them are neither seeded nor saved\n  do: hold them nearer to the top",
            stacklevel=2,
        )


def is_plain(value: Any, depth: int = 3) -> bool:
    """Tell what a checkpoint may keep of an attribute: small, and nothing but values."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, np.generic):
        return True
    if kind is torch.Tensor:
        return value.numel() <= _SMALL and value.layout is torch.strided and value.is_leaf
    if kind is np.ndarray:
        return value.size <= _SMALL and value.dtype.kind in "biufc"
    if kind not in (list, tuple, dict, set) or len(value) > _SMALL or not depth:
        return False
    parts = [*value, *value.values()] if kind is dict else value
    return all(is_plain(part, depth - 1) for part in parts)


def _not_theirs(holder: Any) -> frozenset[str]:
    if isinstance(holder, torch.nn.Module):
        return _TORCHS
    return _OPTIMIZERS if isinstance(holder, torch.optim.Optimizer) else frozenset()


def _set(holder: Any, name: str, value: Any, *, within: bool) -> None:
    held = getattr(holder, "__dict__", None)
    if held is None or (name not in held and hasattr(type(holder), name)):
        object.__setattr__(holder, name, value)
        return
    before = held.get(name)
    if not (within and _refilled(before, value)):
        held[name] = value


def _refilled(before: Any, value: Any) -> bool:
    """Put a value into the object that held another: somebody else may hold it, too."""
    if type(before) is not type(value):
        return False
    if isinstance(before, _REFILLED):
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


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and _bytes(a) == _bytes(b)


def _bytes(value: Any) -> bytes:
    if isinstance(value, torch.Tensor):
        raw = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        return f"{value.dtype} {tuple(value.shape)}".encode() + raw.numpy().tobytes()
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}".encode() + value.tobytes()
    if isinstance(value, dict):
        return b"{" + b",".join(_bytes([key, part]) for key, part in value.items()) + b"}"
    if isinstance(value, (list, tuple)):
        return b"[" + b",".join(map(_bytes, value)) + b"]"
    return repr(value).encode()


class Inner:
    """What an object has besides its ``state_dict``: generators, attributes that have changed."""

    def __init__(self, one: Any) -> None:
        if isinstance(one, torch.optim.Optimizer):
            self._own = Own(**_roots(one))
            self._attributes = Attributes(direct=True, own=one)
        else:
            self._attributes = Attributes(own=one)
            self._own = self._attributes.own
        # Only what is compared with outlives a save: it must not keep the object alive.
        self._attributes.first = _KNOWN.setdefault(one, self._attributes.first)

    def state(self) -> dict[str, Any]:
        """Collect it."""
        told("the model", self._own.found())
        return {"generators": self._own.states(), "attributes": self._attributes.changed()}

    def put(self, state: dict[str, Any]) -> None:
        """Put it back."""
        self._attributes.put(state.get("attributes", {}))
        self._own.put(state.get("generators", {}))


_KNOWN: WeakKeyDictionary[Any, dict[str, Any]] = WeakKeyDictionary()


def _roots(one: Any) -> dict[str, Any]:
    held = vars(one).items()
    return {name: part for name, part in held if not (name in _OPTIMIZERS or callable(part))}
