"""How much of the time goes into what a page is told without anybody asking for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fivestep.page.control import Control

SHARE = 0.003  # of the time, for details that nobody asked for; sending them takes as much again


class Purse:
    """Decides for each iteration whether it is told in detail, and drawn.

    Pictures have a purse of their own: one surface costs as much as a thousand moments. What
    somebody can follow costs nothing here: it is asked for.

    Args:
        control: who holds the loop.
        clock: seconds.
        share: of the time; 0 for nothing.
    """

    def __init__(self, control: Control, *, clock: Callable[[], float], share: float) -> None:
        self._control, self._clock, self.share = control, clock, share
        self._born = clock()
        self._spent = self._drawing = 0.0  # seconds
        self.details = self._pictures = True  # in this iteration

    @property
    def in_detail(self) -> bool:
        """A moment is told with all that belongs to it."""
        return self.details or self._control.watched()

    @property
    def in_pictures(self) -> bool:
        """What can be drawn is heard, and drawn."""
        return self._pictures or self._control.watched()

    def detail(self, function: Callable[..., Any], *args: Any) -> None:
        """Do what is told in detail."""
        self._spent += self._seconds(function, *args)

    def picture(self, function: Callable[..., Any], *args: Any) -> None:
        """Do what is drawn."""
        self._drawing += self._seconds(function, *args)

    def turn(self, iteration: int) -> None:
        """Decide for the iteration that is about to begin.

        The iterations 1, 2, 4, 8 are told for whoever looks at a run that is over in a second.
        """
        watched = self._control.watched()
        doubled = self.share > 0 and not iteration & (iteration - 1)
        self.details = watched or doubled or self._affords(self._spent)
        self._pictures = watched or self._affords(self._drawing)

    def opened(self) -> None:
        """The loop was held, and somebody follows what comes next."""
        if self._control.watched():
            self.details = self._pictures = True

    def _seconds(self, function: Callable[..., Any], *args: Any) -> float:
        began = self._clock()
        function(*args)
        return 0.0 if self._control.watched() else self._clock() - began

    def _affords(self, spent: float) -> bool:
        half = self.share / 2
        return half > 0 and spent <= half * (self._clock() - self._born)
