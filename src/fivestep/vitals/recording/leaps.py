"""Losses far above all before them: what their backward and their update do is measured."""

from __future__ import annotations

import torch

from fivestep.vitals.recording.curves import Curves
from fivestep.vitals.recording.notes import Notes

LOOKS = 8  # of a run


class Leaps:
    """Looks for them, where looking waits for nothing."""

    def __init__(self, notes: Notes, curves: Curves) -> None:
        self._notes, self._curves = notes, curves
        self._left = LOOKS

    def look(self, loss: torch.Tensor, place: int) -> None:
        """If this loss leaps, measure the rest of its iteration, and the next few."""
        if self._left <= 0 or type(loss) is not torch.Tensor or loss.numel() != 1:
            return
        sampling = self._notes.sampling
        if loss.device.type != "cpu" or sampling.detailed:
            return
        if self._curves.of("backward", place, "training").leaps(loss.item()):
            self._left -= 1
            sampling.leapt()
