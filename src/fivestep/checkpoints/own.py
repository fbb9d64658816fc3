"""What data and models hold of their own: generators to be seeded, attributes that count."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch

from fivestep.checkpoints.plain import (
    MUTABLE,
    REFILLED,
    brief,
    bytes_of,
    is_plain,
    kind_of,
    put_in,
    same,
)
from fivestep.checkpoints.seeds import seed_one, set_states_of, states_of
from fivestep.checkpoints.walk import MOST, Found, attributes, walk

# What torch keeps there is a matter of torch, and the mode is one of ``fit``.
_TORCHS = frozenset((*vars(torch.nn.Module()), "_compiled_call_impl"))
# A schedule hangs the last two on an optimizer.
_OPTIMIZERS = frozenset((*vars(torch.optim.SGD([torch.zeros(1)])), "_opt_called", "step"))


class Own:
    """The generators that some objects hold, wherever they hold them, and when they are made."""

    def __init__(self, **owners: Any) -> None:
        self._owners = owners
        self._found: Found | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"_owners": self._owners, "_found": None}  # a worker looks for itself

    def found(self) -> Found:
        """Walk through the objects, if anything is new there."""
        if self._fresh().changed:
            self._found = walk(**self._owners)
        return self._fresh()

    def generators(self) -> dict[str, Any]:
        """Give the generators, new ones too. It only looks where something may have come."""
        return self._fresh().generators

    def _fresh(self) -> Found:
        if self._found is None:
            self._found = walk(**self._owners)
        else:
            self._found.look()
        return self._found

    def seed(self, number: int) -> None:
        """Seed each with a number that ``number`` and the way to it decide."""
        _seed(self.generators(), number)

    def under(self, seed: Callable[[], int], make: Callable[[], Any]) -> Any:
        """Make something from seeded generators; once more if one was made only meanwhile."""
        before = dict(self.generators())
        _seed(before, seed())
        made = make()
        after = self.generators()
        if after.keys() <= before.keys():
            return made
        _seed(after, seed())  # it was not seeded, as it will be from now on
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
        text = bytes_of(list(self.states().values()))
        return int.from_bytes(blake2b(text, digest_size=8).digest()) >> 1


def _seed(generators: dict[str, Any], number: int) -> None:
    for way, one in generators.items():
        digest = blake2b(f"{number} {way}".encode(), digest_size=8).digest()
        seed_one(one, int.from_bytes(digest) >> 1)


class First:
    """What attributes stood at first, and which have been put back since: they stay saved."""

    def __init__(self, plain: dict[str, Any], others: dict[str, str]) -> None:
        self.plain, self.others = plain, others
        self.restored: set[str] = set()


class Attributes:
    """The plain attributes of some objects that are no more what they were when it was made.

    Numbers, text, and small containers and arrays of them. What does not change is a setting: it
    is the program's to say, not the checkpoint's. Where something else of the same object came
    with the change (a file that was opened, a large tensor), none of them is taken: a flag put
    back without what it stands for is worse than one that begins anew.
    """

    def __init__(self, *owns: Own, direct: bool = False, **owners: Any) -> None:
        self._owns, self._direct = (*owns, Own(**owners)), owners if direct else None
        self.first = self._read()

    @property
    def iterators(self) -> dict[str, str]:
        """Name the iterators that the objects hold."""
        return {way: kind for own in self._owns for way, kind in own.found().iterators.items()}

    def changed(self) -> dict[str, Any]:
        """Copy those that changed."""
        now = self._read()
        bound = self._bound(now)
        return {key: now.plain[key] for key in self._differing(now) if _way(key) not in bound}

    def at_first(self, changed: dict[str, Any]) -> dict[str, Any]:
        """Give what those that changed were at first."""
        return {key: self.first.plain[key] for key in changed if key in self.first.plain}

    def forgotten(self) -> list[str]:
        """Name what changed and is not saved, with the reason."""
        now = self._read()
        bound = self._bound(now)
        left = [key for key in self._differing(now) if _way(key) in bound]
        grown = [key for ways in bound.values() for key in ways if self._outgrown(key)]
        return [f"{key}, which {bound[_way(key)][0]} goes with" for key in left if not grown] + [
            f"{key}, {now.others[key]}" for key in grown if key in now.others
        ]

    def put(self, values: dict[str, Any], first: dict[str, Any] | None = None) -> list[str]:
        """Put them back; those that had not changed then become what they were at first.

        Returns:
            What the program had set to something else than at ``first``, when they were saved.
        """
        before, holders = self._read(), self._holders()
        other = [] if first is None else _others(values, first, before.plain)
        changed = self.changed()
        wanted = {key: self.first.plain[key] for key in changed if key in self.first.plain}
        wanted |= values
        within = self._within(wanted)
        for key, value in wanted.items():
            way, _, name = key.rpartition(".")
            if way in holders:
                put_in(holders[way], name, copy.deepcopy(value), within=key in within)
        self.first.restored |= set() if first is None else values.keys()
        return other

    def _within(self, wanted: dict[str, Any]) -> set[str]:
        """Find what is put into the object that is there: all who hold that one get the same."""
        live, groups = self._live(), dict[int, list[str]]()
        for key, value in live.items():
            if isinstance(value, MUTABLE):
                groups.setdefault(id(value), []).append(key)
        after = live | wanted
        return {
            key
            for keys in groups.values()
            if len(keys) > 1 or isinstance(live[keys[0]], REFILLED)
            if all(same(after[one], after[keys[0]]) for one in keys)
            for key in keys
        }

    def _holders(self) -> dict[str, Any]:
        if self._direct is not None:
            return self._direct
        return {way: one for own in self._owns for way, one in own.found().holders.items()}

    def _differing(self, now: First) -> list[str]:
        first = self.first
        return [
            key
            for key, value in now.plain.items()
            if key in first.restored or key not in first.plain or not same(value, first.plain[key])
        ]

    def _bound(self, now: First) -> dict[str, list[str]]:
        """Name the objects of which something else changed, too, and what."""
        first, found = self.first, dict[str, list[str]]()
        known = {_way(key) for key in (*first.plain, *first.others)}
        for key in {**now.others, **first.others}:
            if now.others.get(key) != first.others.get(key) and _way(key) in known:
                found.setdefault(_way(key), []).append(key)
        return found

    def _outgrown(self, key: str) -> bool:
        return isinstance(self.first.plain.get(key), (list, dict, set))

    def _live(self) -> dict[str, Any]:
        return {
            f"{way}.{name}": value
            for way, holder in self._holders().items()
            for name, value in attributes(holder).items()
            if name not in _not_theirs(holder) and is_plain(value)
        }

    def _read(self) -> First:
        found = First({}, {})
        for way, holder in self._holders().items():
            for name, value in attributes(holder).items():
                if name in _not_theirs(holder):
                    continue
                if is_plain(value):
                    found.plain[f"{way}.{name}"] = copy.deepcopy(value)
                else:
                    found.others[f"{way}.{name}"] = kind_of(value)
        return found


def _way(key: str) -> str:
    return key.rpartition(".")[0]


def _others(values: dict[str, Any], first: dict[str, Any], here: dict[str, Any]) -> list[str]:
    return [
        f"{key} was {brief(value)} when it was saved and is {brief(here[key])} here; the saved one "
        "is used"
        for key, value in values.items()
        if key in first and key in here
        if not (same(here[key], first[key]) or same(here[key], value))
    ]  # fmt: skip


def told(what: str, found: Found) -> None:
    """Say so if there was more in an object than is looked at."""
    if not found.whole:
        warnings.warn(
            f"checkpoint: {what} holds more than {MOST:,} objects; generators and counters beyond "
            "them are neither seeded nor saved\n  do: hold them nearer to the top",
            stacklevel=2,
        )


def _not_theirs(holder: Any) -> frozenset[str]:
    if isinstance(holder, torch.nn.Module):
        return _TORCHS
    return _OPTIMIZERS if isinstance(holder, torch.optim.Optimizer) else frozenset()


class Noted(NamedTuple):
    """What has to be said of objects that go on: what begins anew, what was put over."""

    forgotten: list[str]
    other: list[str]


class Inner:
    """What an object has besides its ``state_dict``: generators, attributes that have changed."""

    def __init__(self, one: Any) -> None:
        if isinstance(one, torch.optim.Optimizer):
            self._own = Own(**_roots(one))
            self._attributes = Attributes(direct=True, own=one)
        else:
            self._own = Own(own=one)
            self._attributes = Attributes(self._own)
        # Only what is compared with outlives a save: it must not keep the object alive.
        self._one, self._now = one, self._attributes.first
        self._attributes.first = _KNOWN.setdefault(one, self._now)

    def begin(self) -> None:
        """Take what stands there now for what it was at first."""
        _KNOWN[self._one] = self._attributes.first = self._now

    def state(self) -> dict[str, Any]:
        """Collect it."""
        told("the model", self._own.found())
        changed = self._attributes.changed()
        return {
            "generators": self._own.states(), "attributes": changed,
            "first": self._attributes.at_first(changed),
            "forgotten": self._attributes.forgotten(),
        }  # fmt: skip

    def put(self, state: dict[str, Any]) -> Noted:
        """Put it back."""
        other = self._attributes.put(state.get("attributes", {}), state.get("first", {}))
        self._own.put(state.get("generators", {}))
        return Noted(state.get("forgotten", []), other)


_KNOWN: WeakKeyDictionary[Any, First] = WeakKeyDictionary()


def _roots(one: Any) -> dict[str, Any]:
    held = vars(one).items()
    return {name: part for name, part in held if not (name in _OPTIMIZERS or callable(part))}
