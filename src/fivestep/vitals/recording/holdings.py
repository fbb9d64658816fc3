"""The gradients of every optimizer, and of the weights that none holds."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import torch

from fivestep.vitals.facts import Site
from fivestep.vitals.holding import Holding
from fivestep.vitals.recording.notes import Notes

Reach = list[tuple[int | None, list[weakref.ref[torch.Tensor]]]]  # optimizers, parameters looked at


class Holdings:
    """One ``Holding`` for each optimizer; None stands for weights updated by hand."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._holdings: dict[int | None, Holding] = {}
        self._reach: dict[int, Reach] = {}  # of a backward, by its line

    def __iter__(self) -> Iterator[Holding]:
        return iter(self._holdings.values())

    def of(self, number: int | None) -> Holding:
        """That of an optimizer."""
        holding = self._holdings.get(number)
        if holding is None:
            holding = self._holdings[number] = Holding(number)
        return holding

    def by_hand(self) -> Holding | None:
        """That of weights updated by hand, if a backward has reached any."""
        return self._holdings.get(None)

    def optimizer(self, optimizer: Any, site: Site | None) -> int:
        """The number of an optimizer; what backward did before it was known counts for it."""
        known = len(self._notes.record.optimizers)
        number = self._notes.who.optimizer(optimizer, site)
        if number >= known:
            hand = self._holdings.pop(None, None)
            if hand is not None and hand.backwards:
                holding = self.of(number)
                holding.backwards, holding.summed = hand.backwards, hand.summed
                holding.last_backward = hand.last_backward
            self._reach.clear()
        return number

    def known(self, place: int) -> Reach | None:
        """What the last backward of a line reached."""
        return self._reach.get(place)

    def reached(self, place: int, leaves: list[torch.Tensor]) -> Reach:
        """A backward reaches these."""
        by_holding: dict[int | None, list[torch.Tensor]] = {}
        for leaf in leaves:
            number = self._notes.who.parameters.find(leaf)
            held = () if number is None else self._notes.record.parameters[number].optimizers
            for one in held or (None,):
                by_holding.setdefault(one, []).append(leaf)
        for number, parameters in by_holding.items():
            self.of(number).watch(parameters)
        reach = self._reach[place] = [(one, self.of(one).probes) for one in by_holding]
        return reach
