"""Ctrl-C ends the iteration, not the program; a second one ends both."""

from __future__ import annotations

import math
import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Any, Literal, Self

RESUME_ME = 75  # the code of a program that wants to be started again: EX_TEMPFAIL of sysexits.h

_DEFAULTS: dict[int, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


class Interrupt:
    """While it is entered, a first Ctrl-C only sets ``requested``; the next one raises.

    It stands back where it has no say: outside the main thread, and where the program has set a
    handler of its own.

    Args:
        terminate: answer SIGTERM in the same way; a second one ends the process.
        minutes: ask for the end by itself after so long.
    """

    def __init__(self, *, terminate: bool = False, minutes: float | None = None) -> None:
        self._asked: Literal["interrupted", "terminated"] | None = None
        self._signals = [signal.SIGINT, *([signal.SIGTERM] if terminate else [])]
        self._installed: list[signal.Signals] = []
        self._end = math.inf if minutes is None else time.perf_counter() + 60 * minutes

    @property
    def requested(self) -> bool:
        """Tell whether the training is to end after this iteration."""
        return self._asked is not None or (
            self._end < math.inf and time.perf_counter() >= self._end
        )

    @property
    def reason(self) -> Literal["interrupted", "terminated", "deadline"]:
        """Say who asked for it: Ctrl-C, SIGTERM or the clock."""
        return self._asked or "deadline"

    def request(self) -> None:
        """Ask for it as Ctrl-C does."""
        self._asked = "interrupted"

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for one in self._signals:
                if signal.getsignal(one) == _DEFAULTS[one]:
                    signal.signal(one, self._request)
                    self._installed.append(one)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._put_back()

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._asked = "interrupted" if number == signal.SIGINT else "terminated"
        self._put_back()

    def _put_back(self) -> None:
        # Only our own: a handler that the program has set meanwhile stays.
        for one in self._installed:
            if signal.getsignal(one) == self._request:
                signal.signal(one, _DEFAULTS[one])
        self._installed = []
