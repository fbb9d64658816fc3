"""Weights that no optimizer holds, updated by hand: nothing is called that could be heard."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import torch

from fivestep.vitals.holding import Holding
from fivestep.vitals.measure import piece, quietly
from fivestep.vitals.recording.holdings import Holdings
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.updating import OpenUpdate, Updates, Used

ELEMENTS = 256  # of a weight that are compared
AGAINST = -0.9  # cosine of a change with the gradient that it uses; weights set otherwise: anywhere


class ByHand:
    """Compares such weights from one backward to the next."""

    def __init__(
        self, notes: Notes, holdings: Holdings, updates: Updates, *, narrowed: bool
    ) -> None:
        self._notes, self._holdings, self._updates = notes, holdings, updates
        self._narrowed = narrowed  # some optimizers are not heard: nothing is said of "by hand"

    def remember(self) -> None:
        """A backward has ended: how are the weights now?"""
        hand = self._holdings.by_hand()
        if hand is None or not hand.probes or self._narrowed:
            return
        alive = hand.alive()
        hand.versions, hand.copies = [one._version for one in alive], []
        if self._notes.sampling.detailed or _near(alive):
            with quietly():
                hand.copies = [piece(one)[:ELEMENTS].clone() for one in alive]

    def look(self) -> None:
        """A backward starts: if they have changed since, an update is written down."""
        hand = self._holdings.by_hand()
        if hand is None or not hand.versions or not hand.backwards or not _moved(hand):
            return
        used = _used(hand)
        if used is False:  # a target network that is given the weights of another one, mostly
            return
        opened = OpenUpdate(None, hand, None, None, closure=False, state="some", rates=())
        backwards, summed = hand.backwards, hand.summed
        carried, _ = hand.use("some")
        if used is None:  # it cannot be told, so nothing is said of old gradients
            carried = hand.carried = 0
        self._updates.write(opened, Used(backwards, summed, 0, carried, untouched=False))
        self._count(hand)

    def _count(self, hand: Holding) -> None:
        notes = self._notes
        for number in map(notes.who.parameters.find, hand.alive()):
            if number is not None:
                notes.record.parameters[number].handled += 1


def _moved(hand: Holding) -> bool:
    alive = hand.alive()
    if len(alive) != len(hand.versions):  # they were made for one iteration
        return False
    if [one._version for one in alive] != hand.versions:
        return True
    if len(hand.copies) != len(alive) or not _near(alive):
        return False
    with quietly():
        return any(
            not torch.equal(piece(one)[:ELEMENTS], copy)
            for one, copy in zip(alive, hand.copies, strict=True)
        )


def _near(weights: list[torch.Tensor]) -> bool:
    """They can be read without waiting for a device."""
    return all(one.is_cpu for one in weights)


def _used(hand: Holding) -> bool | None:
    """Did the change go against the gradient that is still there? True too if none is there."""
    alive = hand.alive()
    if _as_they_were(hand, alive):  # written to, and nothing changed: a mask laid on once more
        return False
    gradients = [one.grad for one in alive if one.grad is not None]
    if len(gradients) < len(alive):
        return True
    if len(hand.copies) != len(alive) or not _near(alive) or any(map(_sparse, gradients)):
        return None
    with quietly():
        changes = [
            piece(one)[:ELEMENTS] - copy for one, copy in zip(alive, hand.copies, strict=True)
        ]
        change, gradient = torch.cat(changes), torch.cat([piece(g)[:ELEMENTS] for g in gradients])
        lengths = float(change.norm() * gradient.norm())
        return not lengths or float(change @ gradient) < AGAINST * lengths


def _as_they_were(hand: Holding, alive: list[torch.Tensor]) -> bool:
    """Nothing compared has changed, a whole bias among it: a gradient reaches all of that."""
    whole = any(one.dim() == 1 and one.numel() <= ELEMENTS for one in alive)
    if not whole or len(hand.copies) != len(alive) or not _near(alive):
        return False
    with quietly():
        return all(
            torch.equal(piece(one)[:ELEMENTS], copy)
            for one, copy in zip(alive, hand.copies, strict=True)
        )


def _sparse(gradient: torch.Tensor) -> bool:
    return gradient.layout is not torch.strided
