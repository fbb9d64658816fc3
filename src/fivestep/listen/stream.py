"""What one thread is in the middle of."""

from __future__ import annotations

import threading
from types import FrameType
from typing import Any

from fivestep.vitals.recorder import Recorder


class Stream:
    """Everything is 0 or empty where nothing is going on."""

    __slots__ = (
        "backwards", "busy", "depth", "losses", "recorder", "scheduling", "states", "stepping",
        "steps",
    )  # fmt: skip

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        self.depth = 0  # of modules
        self.backwards = self.losses = self.scheduling = self.states = 0
        self.steps: list[Any] = []
        self.stepping: FrameType | None = None  # of the outermost update
        self.busy = 0  # in our own code, or where nothing is to be heard


class Streams(threading.local):
    """One for each thread: ``now`` is asked for once in a call, for that is slow."""

    def __init__(self) -> None:
        self.now = Stream()
