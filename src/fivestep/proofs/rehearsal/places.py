"""Where a rehearsed training is saved, and what is looked at on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from fivestep.checkpoints.interval import Due
from fivestep.durations import Duration, Lengths

ITERATIONS = (2, 3)  # windows of two: after the first one, and within the second


class Point(NamedTuple):
    """A point between two iterations."""

    iteration: int
    update: int
    epoch: int
    ended: bool  # the epoch is over

    @property
    def key(self) -> str:
        """A name for it."""
        return f"{self.iteration} {int(self.ended)}"


class Places(Due):
    """Saves in the middle of an epoch, within a window and between two epochs, and tells of it.

    Args:
        passed: called at every point between two iterations.
        saved: called where it is saved; returns nothing.
        resumed: called once what was saved is put back.
        saves: whether to save at all.
    """

    def __init__(
        self, *, passed: Callable[[Point], None], saved: Callable[[Point], None],
        resumed: Callable[[], None], saves: bool,
    ) -> None:  # fmt: skip
        super().__init__(Duration(1, "iteration"), Lengths())
        self._passed, self._told, self._back, self._saves = passed, saved, resumed, saves
        self._between = False

    def now(self, *, iteration: int, update: int, epoch: int, epoch_ended: bool = False) -> bool:
        """Look, and tell whether this is a place to save at."""
        point = Point(iteration, update, epoch, epoch_ended)
        self._passed(point)
        first_end = epoch_ended and not self._between
        self._between |= epoch_ended
        chosen = self._saves and (first_end or (iteration in ITERATIONS and not epoch_ended))
        if chosen:
            self._told(point)
        return chosen

    def resumed(self) -> None:
        """Say that what was saved is put back."""
        super().resumed()
        self._back()
