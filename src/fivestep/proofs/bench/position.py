"""Where a loader stands in its data: kept, and put back after some batches were taken from it."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch

PLAIN = (bool, int, float, str, bytes, type(None))
PARTS = ("sampler", "batch_sampler", "dataset", "datasets", "generator")


@contextmanager
def put_back(data: Any) -> Generator[None]:
    """Put back the counters and generators of a loader, its samplers and its data set."""
    restore = [undo for owner in _owners(data) for undo in _kept(owner)]
    try:
        yield
    finally:
        for undo in restore:
            undo()


def _owners(data: Any) -> list[Any]:
    """The data and what it is made of, each once."""
    found: dict[int, Any] = {}
    left = [data]
    while left:
        owner = left.pop()
        if id(owner) in found or not hasattr(owner, "__dict__"):
            continue
        found[id(owner)] = owner
        left += [part for name in PARTS if (part := getattr(owner, name, None)) is not None]
    return list(found.values())


def _kept(owner: Any) -> list[Callable[[], None]]:
    attributes = vars(owner)
    plain = {name: one for name, one in attributes.items() if isinstance(one, PLAIN)}
    before = set(attributes)
    undo: list[Callable[[], None]] = [lambda: _plain_back(attributes, plain, before)]
    for value in attributes.values():
        undo += _generator(value)
    return undo


def _plain_back(attributes: dict[str, Any], plain: dict[str, Any], before: set[str]) -> None:
    attributes.update(plain)
    for name in [name for name in attributes if name not in before]:
        del attributes[name]


def _generator(value: Any) -> list[Callable[[], None]]:
    if isinstance(value, torch.Generator):
        state = value.get_state()
        return [lambda: cast("Any", value).set_state(state)]
    if isinstance(value, np.random.Generator):
        inner = value.bit_generator
        numbers = inner.state
        return [lambda: setattr(inner, "state", numbers)]
    if isinstance(value, np.random.RandomState):
        old = value.get_state()
        return [lambda: value.set_state(old)]
    if isinstance(value, random.Random):
        kept = value.getstate()
        return [lambda: value.setstate(kept)]
    return []
