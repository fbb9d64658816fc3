"""Try something out on the user's own objects, and leave no trace of it.

A deep copy of the model would be simpler, and wrong: a loss that looks at ``model.weight`` through
a closure, a hook, a compiled or a distributed model go on looking at the original. So the objects
themselves are used, and put back.
"""

from __future__ import annotations

import copy
import functools
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader

from fivestep.randomness import preserved

MOST = 4096  # parts of a container that are looked into; all of it is put back

_CONTAINERS = (dict, list, set, deque)


@contextmanager
def untouched(*owners: Any, data: Any = None, tensors: Iterable[Tensor] = ()) -> Generator[None]:
    """Whatever happens inside, everything is afterwards as if it had not.

    Put back are the values of parameters, buffers and other tensors and arrays of modules, those of
    optimizers, also of one inside another, their gradients
    (the same objects; None inside), ``requires_grad``, modes and every other attribute; the
    attributes of the data, its loader, its samplers, and their generators; the random numbers of
    Python, NumPy and torch. Not: files, other processes, variables in closures, iterators.

    Args:
        owners: models and losses.
        data: what makes the batches. Its tensors are not copied; they must not be written to.
        tensors: parameters that belong to none of the owners.
    """
    kept = _Keeper()
    with preserved():
        try:
            for tensor in tensors:
                kept.tensor(tensor)
            for owner in owners:
                kept.walk(owner, own=True)
            kept.walk(data, own=False)
            kept.stow()
            yield
        finally:
            kept.put_back()


class _Keeper:
    """Knows how to put back everything that it has met."""

    def __init__(self) -> None:
        self._met: dict[int, Any] = {}  # the objects too, so that no id is used twice
        self._undo: list[Callable[[], Any]] = []
        self._tensors: list[Tensor] = []
        self._loaders: list[Any] = []

    def put_back(self) -> None:
        for undo in reversed(self._undo):
            undo()

    def stow(self) -> None:
        """Take away, for the time being, what must not even be written to."""
        for tensor in self._tensors:
            tensor.grad = None
        for loader in self._loaders:
            loader._iterator = None  # living workers have a position of their own

    def walk(self, value: Any, *, own: bool) -> None:
        """Keep a value and what it is made of. ``own``: tensors directly in it are its own."""
        if isinstance(value, Tensor):
            if own:
                self.tensor(value)
        elif isinstance(value, np.ndarray):
            if own and self._is_new(cast("Any", value)):
                self._undo.append(functools.partial(np.copyto, value, cast("Any", value).copy()))
        elif self._is_new(value):
            if state := _generator(value):
                self._undo.append(state)
            elif isinstance(value, (*_CONTAINERS, tuple)):
                self._container(cast("Any", value), own)
            elif isinstance(value, types.MethodType):
                self.walk(value.__self__, own=own)
            elif isinstance(value, functools.partial):
                self.walk((value.func, *value.args, *value.keywords.values()), own=own)
            elif _is_plain(value):
                self._attributes(value, own)

    def tensor(self, value: Tensor) -> None:
        if self._is_new(value) and not _is_spread(value):
            self._undo.append(_tensor(value))
            if value.is_leaf:
                self._tensors.append(value)

    def _is_new(self, value: Any) -> bool:
        new = id(value) not in self._met
        self._met[id(value)] = value
        return new

    def _container(self, value: Any, own: bool) -> None:
        if not isinstance(value, tuple):
            self._undo.append(_contents(value))
        if len(value) <= MOST:
            for part in list(value.values() if isinstance(value, dict) else value):
                self.walk(part, own=_is_own(part, own))

    def _attributes(self, value: Any, own: bool) -> None:
        held = vars(value)
        self._undo.append(_contents(held))
        if isinstance(value, DataLoader):
            self._loaders.append(cast("Any", value))
        for part in list(held.values()):
            self.walk(part, own=_is_own(part, own))


def _is_own(part: Any, own: bool) -> bool:
    # What a module merely points to, such as its data, may be larger than the memory.
    # What an optimizer wraps is as much its own as the parts of a module are.
    if isinstance(part, (nn.Module, Optimizer, Tensor)) or not _is_plain(part):
        return own or isinstance(part, (nn.Module, Optimizer))
    return False


def _tensor(value: Tensor) -> Callable[[], None]:
    leaf, requires, copied = value.is_leaf, value.requires_grad, value.detach().clone()
    grad = value.grad if leaf else None

    def undo() -> None:
        with torch.no_grad():
            value.copy_(copied)
        if leaf:
            value.requires_grad_(requires)
            value.grad = grad

    return undo


def _is_spread(value: Tensor) -> bool:
    # Several elements share one place, as after expand: torch itself refuses to write to it.
    return value.layout is torch.strided and value.numel() > 1 and 0 in value.stride()


def _contents(value: Any) -> Callable[[], None]:
    before = copy.copy(value) if not isinstance(value, dict) else dict(cast("Any", value))

    def undo() -> None:
        if _unchanged(value, before):
            return  # torch.compile looks at the versions of such dicts
        value.clear()
        (value.extend if isinstance(value, (list, deque)) else value.update)(before)

    return undo


def _unchanged(now: Any, before: Any) -> bool:
    if len(now) != len(before):
        return False
    if isinstance(now, set):
        return bool(now == before)
    if isinstance(now, dict):
        if list(cast("Any", now)) != list(before):
            return False
        now, before = cast("Any", now).values(), before.values()
    return all(a is b for a, b in zip(now, before, strict=True))


def _generator(value: Any) -> Callable[[], Any] | None:
    if isinstance(value, torch.Generator):
        return functools.partial(value.set_state, value.get_state())
    if isinstance(value, random.Random):
        return functools.partial(value.setstate, value.getstate())
    if isinstance(value, np.random.RandomState):
        return functools.partial(value.set_state, value.get_state())
    if isinstance(value, np.random.Generator):
        bits: Any = value.bit_generator
        return functools.partial(setattr, bits, "state", bits.state)
    return None


def _is_plain(value: Any) -> bool:
    """Tell an object with attributes from code, and from what the interpreter brings along."""
    if isinstance(value, (type, types.FunctionType, types.ModuleType)):
        return False
    home = type(cast("object", value)).__module__.partition(".")[0]
    return hasattr(value, "__dict__") and (
        home == "__main__" or home not in sys.stdlib_module_names
    )
