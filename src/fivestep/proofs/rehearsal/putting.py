"""Put a value back where it stood: into an attribute, a variable, a container, a generator."""

from __future__ import annotations

import enum
import io
import itertools
import types
from collections import deque
from typing import Any, cast

import torch
from torch import Tensor

from fivestep.checkpoints.seeds import set_states_of
from fivestep.checkpoints.walk import attributes
from fivestep.proofs.rehearsal.leaves import Leaf, key_of
from fivestep.proofs.rehearsal.walk import Walk
from fivestep.randomness import GENERATORS


def put(walk: Walk, leaf: Leaf, value: Any) -> None:
    """Put a value where it stood; what is not there any more is passed over."""
    owner = walk.owners.get(leaf.owner)
    if owner is None:
        return
    here = walk.leaves.get(key_of(leaf.owner, leaf.how, leaf.name))
    old = held(owner, leaf) if here is not None else None
    if isinstance(old, GENERATORS):
        set_states_of([old], [value])
    elif isinstance(old, io.IOBase):
        old.seek(value)
    elif isinstance(old, Tensor) and isinstance(value, Tensor) and old.shape == value.shape:
        with torch.no_grad():
            old.copy_(value)
    elif type(old) is type(value) and isinstance(old, (list, dict, set, deque)):
        _refill(cast("Any", old), value)
    elif isinstance(old, enum.Enum):
        kind = type(old)  # several flags at once have no name
        _set(owner, leaf, kind(value) if isinstance(old, enum.Flag) else kind[str(value)])
    elif isinstance(old, itertools.count):
        _set(owner, leaf, itertools.count(*value))
    else:
        _set(owner, leaf, value)


def held(owner: Any, leaf: Leaf) -> Any:
    """Look up what stands there."""
    if leaf.how == "item":
        return owner.get(leaf.name) if not leaf.owner else _item(owner, leaf.name)[1]
    if leaf.how == "variable":
        return _cell(owner, leaf.name).cell_contents
    if leaf.how == "global":
        return owner.get(leaf.name)
    if leaf.how == "buffer":
        return owner._buffers.get(leaf.name)
    if leaf.how == "partial":
        if leaf.name.isdigit():
            return owner.args[int(leaf.name)]
        return owner.keywords.get(leaf.name)
    if leaf.how == "default":
        return owner.__defaults__[int(leaf.name)]
    if leaf.how == "keyword":
        return owner.__kwdefaults__[leaf.name]
    return attributes(owner).get(leaf.name)


def _item(owner: Any, name: str) -> tuple[Any, Any]:
    pairs: Any = owner.items() if isinstance(owner, dict) else enumerate(owner)
    for key, value in list(pairs):
        if repr(key) == name:
            return key, value
    return None, None


def _cell(function: Any, name: str) -> types.CellType:
    return function.__closure__[function.__code__.co_freevars.index(name)]


def _set(owner: Any, leaf: Leaf, value: Any) -> None:
    if leaf.how == "item":
        key, _ = _item(owner, leaf.name)
        if key is not None and not isinstance(owner, tuple):
            owner[key] = value
    elif leaf.how == "variable":
        _cell(owner, leaf.name).cell_contents = value
    elif leaf.how == "global":
        owner[leaf.name] = value
    elif leaf.how == "buffer":
        owner._buffers[leaf.name] = value
    elif leaf.how in ("class", "attribute"):
        setattr(owner, leaf.name, value)


def _refill(old: Any, value: Any) -> None:
    old.clear()
    if isinstance(old, (dict, set)):
        old.update(value)
    else:
        old.extend(value)
