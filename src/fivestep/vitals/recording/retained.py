"""Graphs that outlive their backward: how many are alive, and is one met again?"""

from __future__ import annotations

import weakref
from typing import Any

import torch

from fivestep.vitals import graphs

_RETAINED = "fivestep retained"  # key in a node's metadata


class _Token:
    """Lives as long as the graph that it is tied to."""

    __slots__ = ("__weakref__",)


class Retained:
    """Counts graphs by a token tied to each."""

    def __init__(self) -> None:
        self._tokens: weakref.WeakSet[_Token] = weakref.WeakSet()

    def alive(self) -> int:
        """How many graphs of walked losses are alive."""
        return len(self._tokens)

    def hold(self, loss: torch.Tensor) -> None:
        """Count the graph of this loss from now on."""
        if loss.grad_fn is not None:
            self._tokens.add(graphs.hold(loss.grad_fn, _Token()))

    def met(self, loss: torch.Tensor, *, retain: bool) -> bool:
        """Tell whether an earlier backward kept a part of this graph; ``retain``: this one does."""
        root: Any = loss.grad_fn
        if root is None:
            return False
        near, seen, met = [root], set[Any](), False
        while near and len(seen) < graphs.NODES:
            here = near.pop()
            if here in seen or getattr(here, "variable", None) is not None:
                continue
            seen.add(here)
            met = met or _RETAINED in here.metadata
            if retain:
                here.metadata[_RETAINED] = True
            near += [after for after, _ in here.next_functions if after is not None]
        return met
