"""The intervals of a training: when it validates, records and moves its schedule."""

from __future__ import annotations

from typing import Any

from fivestep.durations import Every
from fivestep.plan import Plan


class Intervals:
    """What is due every so often, and where each of it stood before it was last asked.

    Args:
        plan: of the training.

    Attributes:
        validate: None where nothing but the end of an epoch decides.
        log: None where none was asked for.
        schedule: None where it does not move by epochs.
    """

    def __init__(self, plan: Plan) -> None:
        self.validate = plan.every(plan.validate_every)
        self.log = plan.every(plan.log_every)
        self.schedule = plan.every(plan.schedule_every if plan.by_epoch else None)
        self._held: list[Any] | None = None

    def hold(self) -> None:
        """Remember where they stand: what is saved until ``release`` is to ask again."""
        self._held = self._now()

    def release(self) -> None:
        """Take what was asked for done."""
        self._held = None

    def state(self) -> list[Any]:
        """Collect where they stand, in plain values."""
        return self._held or self._now()

    def go_on_from(self, state: list[Any]) -> None:
        """Stand where ``state`` says."""
        for one, at in zip(self._all, state, strict=True):
            if one is not None and at is not None:
                one.at = tuple(at)

    @property
    def _all(self) -> tuple[Every | None, ...]:
        return self.validate, self.log, self.schedule

    def _now(self) -> list[Any]:
        return [None if one is None else list(one.at) for one in self._all]
