"""How often something is written that may go on for ever: whole at first, then ever more rarely."""

from __future__ import annotations

from collections.abc import Sequence

SECOND = 1.0  # what is due is not written more often than that on account of the clock alone


class Pace:
    """Says when the next of a kind is due, so that their number grows with the logarithm only.

    The first ``whole`` are all due. Later ones are due when their number has grown by a
    ``whole``-th, or when as much of the time has gone by and a second at least: a slow training is
    shown as it goes, too. In a million iterations that is ``whole * (1 + ln(1e6 / whole))``.

    Args:
        whole: how many are written before any is left out.
        clocked: the time counts, too.
        last: the number and the seconds when the last was due.
    """

    def __init__(
        self, whole: int, *, clocked: bool = True, last: Sequence[float] = (0, 0.0)
    ) -> None:
        self._whole, self._clocked = whole, clocked
        self._count, self._seconds = last

    def due(self, count: int, seconds: float = 0.0) -> bool:
        """Tell whether the next is due after ``count`` of them, ``seconds`` after the start."""
        enough = count - self._count >= max(1.0, count / self._whole)
        late = self._clocked and seconds - self._seconds >= max(SECOND, seconds / self._whole)
        if enough or late:
            self._count, self._seconds = count, seconds
            return True
        return False

    @property
    def last(self) -> list[float]:
        """The number and the seconds when the last was due."""
        return [self._count, self._seconds]
