"""Multiply the rate of every update by a factor, whatever it is that sets the rate."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from fivestep.attach.nesting import nested


class Lowered:
    """Holds the rates at a part of what they are set to, for the length of each update.

    Between two updates the groups hold what the schedule has set, and no more: it may compute the
    next rate from the first (closed form), from the last (a chain) or from a value (a plateau).

    Attributes:
        factor: by which every rate is multiplied.
    """

    def __init__(self, optimizer: Any) -> None:
        self.factor = 1.0
        self._optimizer = optimizer
        self._held: list[tuple[dict[str, Any], Any, Any]] = []  # group, its rate, the lowered one
        self._handles = (
            optimizer.register_step_pre_hook(self._before),
            optimizer.register_step_post_hook(self._after),
        )

    def rates(self) -> list[float]:
        """The rates that an update is made with, one for each group; NaN where there is none."""
        factor = 1.0 if self._held else self.factor
        groups = self._optimizer.param_groups
        return [factor * float(group.get("lr", "nan")) for group in groups]

    def remove(self) -> None:
        """Lower nothing any more."""
        self._put_back()
        for handle in self._handles:
            handle.remove()

    def _before(self, moving: Any, *_: Any) -> None:
        if self.factor == 1.0 or nested(moving):
            return
        self._put_back()  # a step that raised has left it as it was
        for group in self._optimizer.param_groups:
            if "lr" in group:
                held = group["lr"].clone() if isinstance(group["lr"], Tensor) else group["lr"]
                lowered = held * self.factor
                _set(group, lowered)
                self._held.append((group, held, lowered))

    def _after(self, moving: Any, *_: Any) -> None:
        if self._held and not nested(moving):
            self._put_back()

    def _put_back(self) -> None:
        for group, held, lowered in self._held:
            # An optimizer may find its rate itself, within its step.
            _set(group, held if group["lr"] == lowered else group["lr"] / self.factor)
        self._held.clear()


def _set(group: dict[str, Any], rate: Any) -> None:
    if isinstance(group["lr"], Tensor):
        group["lr"].copy_(rate)  # a compiled optimizer holds on to the tensor
    else:
        group["lr"] = rate
