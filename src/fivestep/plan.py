"""What one ``fit`` is to do: its objects and options, checked, the data cut into batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from fivestep.anchors import Back
from fivestep.attach.schedule import Shape
from fivestep.batches import Batches
from fivestep.durations import Duration, Every, Lengths
from fivestep.facts import facts_of


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The arguments of ``fit``, each with the meaning told there."""

    model: Callable[..., Any]
    loss_fn: Callable[[Any, Any], Any]
    optimizer: Any
    train: Batches
    length: Duration
    lengths: Lengths
    validate: Batches | None
    validate_every: Duration | None
    metrics: dict[str, Any]
    seed: int | None
    schedule: Any
    schedule_every: Duration
    monitor: str | None
    mode: str
    patience: int | None
    min_delta: float
    keep_best: bool
    restore_best: bool
    nonfinite: str
    log_every: Duration | None
    watch: bool
    progress: bool
    accumulate: int
    items: Callable[[Any], Any] | None
    forward: Callable[[Any, Any], Any] | None
    compile: bool
    clip: float | None
    clip_value: float | None
    precision: str
    average: float | str | None
    average_start: Duration
    average_every: Duration
    tf32: bool | None
    overfit_one_batch: bool
    dry_run: bool
    checkpointed: bool = False
    back: Back | None = None

    @property
    def epochs(self) -> int | None:
        """How many epochs, where the run is counted in whole ones."""
        whole = self.length.unit == "epoch" and isinstance(self.length.amount, int)
        return int(self.length.amount) if whole else None

    @property
    def iterations(self) -> int | None:
        """How many iterations the run has, None where that is not known beforehand."""
        try:
            return self.lengths.in_iterations(self.length)
        except ValueError:
            return None

    @property
    def by_epoch(self) -> bool:
        """Tell whether the schedule moves at the ends of epochs, not with the updates."""
        every = self.schedule_every
        if isinstance(self.schedule, Shape):  # it counts its updates by itself
            return False
        return every.unit == "epoch" and isinstance(every.amount, int)

    def every(self, interval: Duration | None) -> Every | None:
        """Make what tells when something is due."""
        return None if interval is None else Every(interval, self.lengths)

    def setup(self) -> dict[str, Any]:
        """Describe it in plain values, for the record."""
        plain = (bool, int, float, str, type(None))
        spoken = {n: str(v) if isinstance(v, Duration) else v for n, v in vars(self).items()}
        options = {name: value for name, value in spoken.items() if isinstance(value, plain)}
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
            "batches": count(self.train),
            "validation_samples": None if self.validate is None else self.validate.samples,
            "loop": facts_of(self),
        }


def count(batches: Batches) -> int | None:
    """Count the batches of one epoch; None where that is not known beforehand."""
    try:
        return len(batches)
    except TypeError:
        return None


def _count_parameters(model: Any) -> int:
    return sum(p.numel() for p in model.parameters()) if isinstance(model, nn.Module) else 0
