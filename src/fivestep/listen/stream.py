"""What one thread is in the middle of."""

from __future__ import annotations

import threading
from types import FrameType
from typing import Any

from fivestep.vitals.recorder import Recorder


class Stream(threading.local):
    """One for each thread; everything is 0 or empty where nothing is going on."""

    recorder: Recorder | None = None
    depth = 0  # of modules
    backwards = 0
    losses = 0
    steps: list[Any]
    stepping: FrameType | None = None  # of the outermost update
    scheduling = 0
    states = 0
    busy = 0  # in our own code, or where nothing is to be heard

    def __init__(self) -> None:
        self.steps = []
