"""Modules and leaves that take part though no model that was called has registered them."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import weakref

import torch
from torch import nn

from fivestep.vitals.events import Stray
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.registry import Names, kept_outside


class Strays:
    """Knows them again."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._modules: weakref.WeakSet[nn.Module] = weakref.WeakSet()
        self._leaves = Names()

    def meet(self, module: nn.Module) -> bool:
        """Tell whether a module that is not registered runs for the first time."""
        new = module not in self._modules
        self._modules.add(module)
        return new

    def describe(self, leaf: torch.Tensor, *, known_place: bool) -> Stray:
        """A leaf that a backward reaches; it is fresh if backward has been here without it."""
        new = self._leaves.find(leaf) is None
        if new:
            self._leaves.add(leaf)
        fresh = new and known_place
        return Stray(tuple(leaf.shape), self._owner_of(leaf), fresh, type(leaf).__name__)

    def _owner_of(self, leaf: torch.Tensor) -> str:
        for module in self._modules:
            if any(one is leaf for one in module._parameters.values()):
                return type(module).__name__
        return ""

    def place(self, strays: list[Stray], leaves: list[torch.Tensor]) -> None:
        """Write down where a model keeps them, if one does."""
        places: dict[int, str] = {}
        for facts in self._notes.record.models if strays else ():
            model = self._notes.who.models.get(facts.number)
            if isinstance(model, nn.Module):
                places |= kept_outside(model)
        for stray, leaf in zip(strays, leaves, strict=True):
            stray.attribute = places.get(id(leaf), "")
