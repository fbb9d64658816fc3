"""What became of the gradients of one optimizer: made, summed, cleared, used, used again."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import Any

import torch

Stamp = tuple[int, int, int]
PROBES = 4  # parameters that are looked at in every iteration


@dataclass(slots=True)
class Holding:
    """The gradients that one optimizer will use. ``number`` is None for weights updated by hand."""

    number: int | None
    probes: list[weakref.ref[torch.Tensor]] = field(default_factory=list[Any])
    updates: int = 0
    backwards: int = 0  # since the last update
    summed: int = 0  # since they were last cleared
    dirty: bool = False  # an update has used them, and nothing has cleared them since
    carried: int = 0
    cleared: int = 0  # site of a clear after the last backward, 0 for none
    cleared_last: bool = False  # the last thing that happened to them was a clear
    last_backward: int = 0  # site
    stamp: Stamp | None = None  # of the first probe's gradient at the last update
    versions: list[int] = field(default_factory=list[int])  # of the weights, updated by hand only
    copies: list[torch.Tensor] = field(default_factory=list[torch.Tensor])  # likewise
    began: int = 0
    rates: tuple[float, ...] = ()
    direction: tuple[int, torch.Tensor, float] | None = None  # of the last detailed update

    def watch(self, parameters: list[torch.Tensor]) -> None:
        """Choose the parameters to look at: the first few that a backward really reaches."""
        self.probes = [weakref.ref(one) for one in parameters[:PROBES]]

    def alive(self) -> list[torch.Tensor]:
        """The parameters looked at that still exist."""
        return [one for one in (reference() for reference in self.probes) if one is not None]

    def clear(self, site: int) -> None:
        """They were cleared."""
        if self.backwards and self.summed:
            self.cleared = site
        self.summed, self.dirty, self.cleared_last = 0, False, True

    def kept(self) -> bool:
        """Tell whether a backward that starts now will add to something."""
        gradients = [one.grad for one in self.alive() if one.grad is not None]
        full = bool(gradients) and not self.cleared_last
        if full and (self.dirty or not self.summed):  # cleared by hand, perhaps: look
            full = not all_zero(gradients)
        if not full:
            self.summed, self.dirty = 0, False
        return full

    def add(self, site: int) -> None:
        """A backward has added to them."""
        self.backwards, self.summed = self.backwards + 1, self.summed + 1
        self.cleared, self.cleared_last, self.last_backward = 0, False, site

    def state(self) -> str:
        """What an update that starts now will find: "some", "none", "zero", or "new"."""
        alive = self.alive()
        gradients = [one.grad for one in alive if one.grad is not None]
        if not gradients:
            return "none" if alive else "some"
        if (self.cleared or not self.updates) and all_zero(gradients):
            return "zero"
        return "new" if not self.backwards and stamp(alive) != self.stamp else "some"

    def use(self, gradients: str) -> tuple[int, bool]:
        """An update has used them: how many earlier updates had too, and are they untouched?"""
        now = stamp(self.alive())
        untouched = not self.backwards and gradients == "some" and now == self.stamp
        again = self.dirty and self.backwards > 0 and gradients == "some"
        self.carried = self.carried + 1 if again else 0
        self.dirty, self.stamp = gradients in ("some", "new"), now
        self.updates, self.backwards, self.cleared = self.updates + 1, 0, 0
        self.cleared_last = False
        return self.carried, untouched


def stamp(parameters: list[torch.Tensor]) -> Stamp | None:
    """Enough to know a gradient again: the object, its memory, and how often it was written."""
    gradient = next((one.grad for one in parameters if one.grad is not None), None)
    if gradient is None or gradient.layout is not torch.strided:
        return None
    return id(gradient), gradient.data_ptr(), gradient._version


def all_zero(gradients: list[torch.Tensor]) -> bool:
    """Look at the values. Rare: only where nothing else tells whether they were cleared."""
    with torch._C.DisableTorchFunction(), torch.no_grad():
        return not any(
            bool((one._values() if one.is_sparse else one).count_nonzero()) for one in gradients
        )
