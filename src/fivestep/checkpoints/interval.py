"""When a checkpoint is due: after so many updates, epochs, minutes, or as it costs little."""

from __future__ import annotations

import re
import time
from typing import Any

from fivestep.durations import Duration, Every, Lengths, duration

SHARE = 0.005  # of the time, that saving takes where no interval was asked for
FIRST_SECONDS, LEAST_SECONDS = 1.0, 5.0
_SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0}
_CLOCK = re.compile(r"\s*(\d+(?:\.\d+)?)?\s*(second|minute|hour)s?\s*", re.IGNORECASE)


def interval(value: Any, name: str = "every") -> Duration | float | Due | None:
    """Read an interval: a duration, or so many seconds; None, and a ``Due``, stay what they are.

    Raises:
        TypeError, ValueError: neither; the message says what to write.
    """
    if value is None or isinstance(value, (Duration, Due)):
        return value
    form = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if form is None:
        return duration(value, name)
    seconds = float(form[1] or 1) * _SECONDS[form[2].lower()]
    if seconds <= 0:
        raise ValueError(f"{name}={value!r} was given\n  do: {name}='10 minutes', for example")
    return seconds


class Due:
    """Tells when to save; without an interval so often that it takes half a percent of the time.

    What a save takes is measured: the copy that the training waits for, and what the writing
    takes of the processor.
    """

    def __init__(self, every: Duration | float | None, lengths: Lengths) -> None:
        self.counted = Every(every, lengths) if isinstance(every, Duration) else None
        self._seconds = every if isinstance(every, float) else None
        self._wait = FIRST_SECONDS if self._seconds is None else self._seconds
        self._next = time.perf_counter() + self._wait

    def now(self, *, iteration: int, update: int, epoch: int, epoch_ended: bool = False) -> bool:
        """Tell whether it is due at this point."""
        if self.counted is not None:
            return self.counted.due(
                iteration=iteration, update=update, epoch=epoch, epoch_ended=epoch_ended
            )
        return time.perf_counter() >= self._next

    @property
    def asked(self) -> bool:
        """Tell whether an interval was asked for."""
        return self.counted is not None or self._seconds is not None

    @property
    def early(self) -> bool:
        """Tell whether to save before it is due, if there is a reason to.

        Where an interval was asked for, yes. Else one save is taken from those to come, which wait
        so much longer: all in all saving takes no more of the time.
        """
        return self.asked or self._next - time.perf_counter() <= self._wait

    def resumed(self) -> None:
        """Count from here on: what was saved has just been put back."""
        self._next = time.perf_counter() + self._wait

    def saved(self, cost_seconds: float) -> None:
        """Count from here on; it took so long."""
        now = time.perf_counter()
        if self._seconds is None:
            self._wait = max(cost_seconds / SHARE, LEAST_SECONDS)
            now = max(now, self._next)
        self._next = now + self._wait


def due(every: Duration | float | Due | None, lengths: Lengths) -> Due:
    """Make what tells when to save."""
    return every if isinstance(every, Due) else Due(every, lengths)
