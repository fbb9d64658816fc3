"""The first losses that are not finite: looked at closely, where looking waits for nothing."""

from __future__ import annotations

import math

import torch

from fivestep.vitals.events import Forward
from fivestep.vitals.recording.forwards import Forwards
from fivestep.vitals.recording.notes import Notes

LOOKS = 2  # of a run


class Nonfinite:
    """Looks for the first that are not."""

    def __init__(self, notes: Notes, forwards: Forwards) -> None:
        self._notes, self._forwards = notes, forwards
        self._left = LOOKS

    def look(self, loss: torch.Tensor) -> bool:
        """Tell whether this loss is one of them; if so, measure what led to it."""
        if self._left <= 0 or loss.device.type != "cpu" or loss.numel() != 1:
            return False
        if type(loss) is not torch.Tensor or math.isfinite(loss.item()):
            return False
        self._left -= 1
        self._notes.bad = True
        self._look_back()
        return True

    def _look_back(self) -> None:
        """Measure what the last forward was given, if it was not measured and still lives."""
        notes = self._notes
        at, tensor = self._forwards.given[0], self._forwards.given[1]()
        for place, (when, event, extra) in enumerate(notes.written):
            raw = notes.raws[notes.now[place]]
            if when == at and raw[0] is Forward and event is None and tensor is not None:
                event = Forward(at, notes.sites[raw[1]], *raw[2:], inputs=notes.facts([tensor]))
                notes.written[place] = (at, event, extra)
