"""Whether the loop may go on: what a page asked for, heard at the next boundary of a step."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

from fivestep.page.protocol import Message

SLOW = 100.0  # steps a second that somebody can follow
MOST = 1000  # requests that wait; more are refused by who takes them


class Control:
    """Holds the loop's thread while it is paused.

    ``ask`` is called from any thread, everything else from the loop's own.

    Args:
        paused: begin so.
        speed: steps a second to begin with; None for no limit.
    """

    def __init__(self, *, paused: bool = True, speed: float | None = None) -> None:
        self.paused = paused
        self.until: str | None = None  # "step", "iteration" or "epoch": pause at its end
        self.speed = speed  # steps a second
        self._asked: deque[Message] = deque()
        self._woken = threading.Event()
        self._ended = False  # whoever runs here is told so

    def ask(self, request: Message) -> bool:
        """Put a request where the loop will find it; False if there are too many."""
        if len(self._asked) >= MOST:
            return False
        self._asked.append(request)
        self._woken.set()
        return True

    @property
    def asked(self) -> bool:
        """Something was asked for."""
        return bool(self._asked) or self._ended

    def stop(self) -> None:
        """End the loop as Ctrl-C would, at the next boundary of a step; from any thread."""
        self._ended = True
        self._woken.set()

    def take(self) -> Message | None:
        """The next request.

        Raises:
            KeyboardInterrupt: the loop is to end.
        """
        if self._ended:
            self._ended = False
            raise KeyboardInterrupt("stopped")
        return self._asked.popleft() if self._asked else None

    def watched(self) -> bool:
        """Tell whether somebody can follow: the loop is held or slowed, or soon will be."""
        slow = self.speed is not None and self.speed <= SLOW
        return self.until in ("step", "iteration") or self.paused or slow

    def play(self) -> None:
        """Go on."""
        self.paused, self.until = False, None

    def pause(self) -> None:
        """Stop at this boundary."""
        self.paused, self.until = True, None

    def run_to(self, end: str) -> None:
        """Go on to the end of a step, an iteration or an epoch."""
        self.paused, self.until = False, end

    def reached(self, end: str) -> None:
        """A step, an iteration or an epoch is over."""
        if self.until == end:
            self.pause()

    def hold(self, answer: Callable[[], None], *, slowed: bool = True) -> None:
        """Wait for as long as the loop is paused; after a step also for as long as it is slowed.

        Args:
            answer: takes what is asked for.
            slowed: a step has just ended.
        """
        begun = time.monotonic()
        while True:
            if self.asked:
                answer()
            left = self._left(begun, slowed)
            if left is not None and left <= 0:
                return
            self._woken.clear()
            if not self.asked:  # asked between the answer and here: not to be slept over
                # In pieces, for on Windows nothing else lets Ctrl-C through.
                self._woken.wait(0.5 if left is None else min(left, 0.5))

    def _left(self, begun: float, slowed: bool) -> float | None:
        """Seconds until the loop may go on; None while it is paused."""
        if self.paused:
            return None
        if not slowed or self.speed is None or self.until is not None:
            return 0.0
        return begun + 1 / self.speed - time.monotonic()
