"""A stretch of a training: its losses, its samples, its seconds."""

from __future__ import annotations

import time
from typing import Any


class Span:
    """The samples, their losses and the seconds of a stretch of iterations."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._items, self.samples, self._begun = 0.0, 0, time.perf_counter()

    def state(self, now: float) -> dict[str, Any]:
        """Collect what was counted, and for how long, in plain values."""
        return {
            "sums": dict(self._sums), "items": self._items, "samples": self.samples,
            "seconds": now - self._begun,
        }  # fmt: skip

    def go_on_from(self, state: dict[str, Any], now: float) -> None:
        """Count on from there."""
        self._sums, self._items = dict(state["sums"]), state["items"]
        self.samples, self._begun = state["samples"], now - state["seconds"]

    def add(self, losses: dict[str, float], items: float, samples: int) -> None:
        """Count a batch: its loss and other terms summed over its items, and how many they are."""
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss
        self._items += items
        self.samples += samples

    def pause(self, seconds: float) -> None:
        """Leave out seconds in which nothing was trained."""
        self._begun += seconds

    @property
    def mean(self) -> float:
        """The mean loss per item; NaN if there was none."""
        return self._sums["loss"] / self._items if self._items else float("nan")

    @property
    def terms(self) -> dict[str, float]:
        """The means of the other terms of the loss, by name."""
        others = {name: total for name, total in self._sums.items() if name != "loss"}
        return {name: total / self._items for name, total in others.items()}

    @property
    def samples_per_second(self) -> float:
        """The samples trained per second of wall-clock time."""
        return self.samples / max(time.perf_counter() - self._begun, 1e-9)
