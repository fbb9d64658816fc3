"""The validation of a training: on what is held out, with what is kept as its best."""

from __future__ import annotations

from collections.abc import Callable

from fivestep.assembly import Assembly
from fivestep.evaluate import evaluate_batches
from fivestep.journal import Entry
from fivestep.plan import Plan
from fivestep.watch import Watch


class Validation:
    """Evaluates what is held out, until ``stop`` says that the end was asked for.

    Args:
        plan: of the training.
        kit: what hangs on its objects.
        watch: who reads along, if anybody does.
        stop: whether the end was asked for.
    """

    def __init__(
        self, plan: Plan, kit: Assembly, watch: Watch | None, stop: Callable[[], bool]
    ) -> None:
        self._plan, self._kit, self._stop = plan, kit, stop
        self._held_out = plan.validate
        self._observe = None if watch is None else watch.evaluated
        if watch is not None and plan.validate is not None:
            self._held_out = watch.batches(plan.validate, "validate")

    def values(self) -> Entry | None:
        """Validate; None if the end was asked for meanwhile, which cut it short."""
        values: dict[str, float] = {}
        try:
            self._kit.settle()
            values = self._evaluate()
        except Exception:
            if not self._stop():  # Ctrl-C reaches the loader's workers, too
                raise
        if self._stop():  # a validation cut short is no validation
            return None
        return {f"validation_{name}": value for name, value in values.items()}

    def _evaluate(self) -> dict[str, float]:
        assert self._held_out is not None
        return evaluate_batches(
            self._kit.saved, self._plan.loss_fn, self._held_out, self._plan.metrics,
            items=self._kit.items, call=self._kit.validated, stop=self._stop,
            observe=self._observe,
        )  # fmt: skip
