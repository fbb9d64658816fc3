"""What one ``fit`` is to do: its objects and options, checked, the data cut into batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from fivestep.batches import Batches


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The arguments of ``fit``, each with the meaning told there."""

    model: Callable[..., Any]
    loss_fn: Callable[[Any, Any], Any]
    optimizer: Any
    train: Batches
    epochs: int
    validate: Batches | None
    validate_every: int | None
    metrics: dict[str, Any]
    seed: int | None
    schedule: Any
    schedule_every: str
    monitor: str | None
    mode: str
    patience: int | None
    min_delta: float
    keep_best: bool
    restore_best: bool
    nonfinite: str
    log_every: int | None
    watch: bool
    accumulate: int
    items: Callable[[Any], Any] | None
    forward: Callable[[Any, Any], Any] | None
    compile: bool

    def setup(self) -> dict[str, Any]:
        """Describe it in plain values, for the record."""
        plain = (bool, int, float, str, type(None))
        options = {name: value for name, value in vars(self).items() if isinstance(value, plain)}
        return {
            "options": options | {"metrics": list(self.metrics)},
            "model": type(self.model).__name__,
            "parameters": _count_parameters(self.model),
            "loss_fn": getattr(self.loss_fn, "__name__", type(self.loss_fn).__name__),
            "optimizer": type(self.optimizer).__name__,
            "optimizer_options": [
                {name: value for name, value in group.items() if isinstance(value, plain)}
                for group in self.optimizer.param_groups
            ],
            "schedule": None if self.schedule is None else type(self.schedule).__name__,
            "samples": self.train.samples,
            "batches": length(self.train),
            "validation_samples": None if self.validate is None else self.validate.samples,
        }


def length(batches: Batches) -> int | None:
    """Count the batches of one epoch; None where that is not known beforehand."""
    try:
        return len(batches)
    except TypeError:
        return None


def _count_parameters(model: Any) -> int:
    return sum(p.numel() for p in model.parameters()) if isinstance(model, nn.Module) else 0
