"""What one thread is in the middle of."""

from __future__ import annotations

import threading
import time
from types import FrameType
from typing import Any, NamedTuple

from fivestep.vitals.recorder import Recorder


class Clocks(NamedTuple):
    """Seconds: on the wall, and those in which the processor worked for this thread."""

    wall: float
    busy: float

    def plus(self, other: Clocks) -> Clocks:
        """The sum."""
        return Clocks(self.wall + other.wall, self.busy + other.busy)

    def minus(self, other: Clocks) -> Clocks:
        """The difference."""
        return Clocks(self.wall - other.wall, self.busy - other.busy)


def clocks() -> Clocks:
    """Now."""
    return Clocks(time.perf_counter(), time.thread_time())


class Stream:
    """Everything is 0 or empty where nothing is going on."""

    __slots__ = (
        "_began", "_busy", "backwards", "depth", "losses", "own", "recorder", "scheduling",
        "states", "stepping", "steps",
    )  # fmt: skip

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.depth = 0  # of modules
        self.backwards = self.losses = self.scheduling = self.states = 0
        self.steps: list[Any] = []
        self.stepping: FrameType | None = None  # of the outermost update
        self._busy = 0
        self._began = self.own = Clocks(0.0, 0.0)  # spent while busy

    @property
    def busy(self) -> int:
        """How deep it is in our own code, or where nothing is to be heard."""
        return self._busy

    @busy.setter
    def busy(self, depth: int) -> None:
        if not self._busy:
            self._began = clocks()
        elif not depth:
            self.own = self.own.plus(clocks().minus(self._began))
        self._busy = depth


class Streams(threading.local):
    """One for each thread: ``now`` is asked for once in a call, for that is slow."""

    def __init__(self) -> None:
        self.now = Stream()
