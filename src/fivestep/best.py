"""The best weights so far, and when to stop waiting for better ones."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from fivestep.journal import Entry
from fivestep.plan import Plan
from fivestep.unwrapped import copy_of_state


class Best:
    """Follows the monitored value: keeps the best weights and counts the records without gain."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.record: Entry | None = None
        self.weights: dict[str, Any] | None = None
        self.misses = 0

    def see(self, record: Entry, model: Any) -> None:
        """Take in one record, and ``model`` while it still holds the weights it tells of."""
        if self._better(record[self._monitor]):
            self.record, self.misses = record, 0
            keep = self._plan.keep_best or self._plan.restore_best
            if keep and isinstance(model, nn.Module):
                self.weights = copy_of_state(model)
        else:
            self.misses += 1

    def state(self) -> dict[str, Any]:
        """Collect what is to be saved."""
        return {
            "record": self.record, "misses": self.misses, "weights": self.weights, "by": self._by,
        }  # fmt: skip

    def go_on_from(self, state: dict[str, Any]) -> bool:
        """Put back what was saved; False if that was the best by another value: it begins anew."""
        if state["by"] != self._by:
            self.record, self.weights, self.misses = None, None, 0
            return False
        self.record, self.misses = state["record"], state["misses"]
        self.weights = state["weights"]
        return True

    @property
    def _by(self) -> list[str | None]:
        return [self._plan.monitor, self._plan.mode]

    @property
    def value(self) -> float | None:
        """The best value, None before the first finite one."""
        return None if self.record is None else self.record[self._monitor]

    @property
    def exhausted(self) -> bool:
        """Tell whether patience has run out."""
        return self._plan.patience is not None and self.misses >= self._plan.patience

    @property
    def _monitor(self) -> str:
        assert self._plan.monitor is not None
        return self._plan.monitor

    def _better(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self.value is None:
            return True
        gain = self.value - value if self._plan.mode == "min" else value - self.value
        return gain > self._plan.min_delta
