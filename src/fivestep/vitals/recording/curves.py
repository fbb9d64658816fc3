"""Values of the loss over the run."""

from __future__ import annotations

import torch

from fivestep.vitals.events import Backward, Loss
from fivestep.vitals.measure import at_once, measurable, quietly
from fivestep.vitals.record import Series
from fivestep.vitals.recording.notes import Notes

CURVES = 64  # that are kept


class Curves:
    """One series for each loss function and line."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._series: dict[tuple[str, int], Series] = {}

    def of(self, name: str, place: int, kind: str) -> Series:
        """The series of a loss function, or of "backward", at a line."""
        series = self._series.get((name, place))
        if series is None:
            series = self._series[name, place] = Series(name, self._notes.sites[place], kind)
            if len(self._notes.record.series) < CURVES:
                self._notes.record.series.append(series)
        return series

    def add(self, loss: torch.Tensor, event: Loss | Backward | None, series: Series | None) -> None:
        """Write a value into an event and a series: now, or when values are read in bulk."""
        iteration = self._notes.sampling.trained + 1
        if not measurable(loss):
            return
        if at_once(loss):
            _keep(float(loss.item()), event, series, iteration)
            return
        with quietly():
            self._notes.later.read(
                loss.detach().reshape(1),
                lambda values: _keep(float(values[0]), event, series, iteration),
            )


def _keep(
    value: float, event: Loss | Backward | None, series: Series | None, iteration: int
) -> None:
    if event is not None:
        event.value = value
    if series is not None:
        series.add(iteration, value)
