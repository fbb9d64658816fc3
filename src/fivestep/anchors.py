"""Going back from a loss that is not finite: how, and the states that it may go back to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from fivestep.checkpoints.codec import Tensors, decode
from fivestep.checkpoints.nonfinite import good
from fivestep.checkpoints.optimizers import single
from fivestep.checkpoints.snapshot import snapshot
from fivestep.counts import need_count
from fivestep.durations import Duration, Every, Lengths, duration

KEPT = 3  # states: where the newest one is itself too far gone, there are some before it
LABEL = "anchor "  # before the iteration: the part of a checkpoint that holds it

Parts = dict[str, Any]


@dataclass(frozen=True)
class Back:
    """What ``fit(nonfinite=...)`` does: go back to the last good state, and on at a lower rate.

    Args:
        factor: by which every rate is multiplied each time, above 0 and below 1.
        most: how often, before it stops as ``nonfinite="stop"`` does.
        every: a duration, how often a state to go back to is kept. By counts and not by the clock,
            so that a training that was killed goes back to the same one. If not said, a twentieth
            of the run; an epoch, where the length of the run is not known.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
    """

    factor: float = 0.5
    most: int = 3
    every: int | str | None = None

    def __post_init__(self) -> None:
        need_count("most", self.most)
        given: Any = self.factor
        real = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not real or not math.isfinite(self.factor) or not 0 < self.factor < 1:
            raise ValueError(
                f"factor={self.factor!r} was given, and a part of the rate between 0 and 1 was "
                "expected\n  do: factor=0.5 halves it"
            )
        _ = self.interval  # says so now if it is none

    @property
    def interval(self) -> Duration | None:
        """How often a state is kept, as a duration."""
        return None if self.every is None else duration(self.every, "every")


def back_of(value: Any) -> Back | None:
    """Read the option ``nonfinite`` of ``fit``: None for what does not go back."""
    if isinstance(value, Back):
        return value
    return Back() if isinstance(value, str) and value == "back" else None


class Anchors:
    """The newest good states, at places that counts decide; how often it was gone back, the factor.

    They are part of every checkpoint. So it does not matter when that was written, nor which of
    them can be read: what a training goes back to is the same.

    Args:
        back: what was asked for.
        lengths: of the training.
    """

    def __init__(self, back: Back, lengths: Lengths) -> None:
        self.back = back
        self._every = _every(back, lengths)
        self.held: list[Parts] = []  # the oldest first
        self.times, self.factor = 0, 1.0
        self._last: int | None = None  # the iteration that was gone back to last
        self._failed = 0  # and the one that had failed then

    def due(self, *, iteration: int, update: int, epoch: int, epoch_ended: bool) -> bool:
        """Tell whether a state is to be kept at this point."""
        return self._every.due(
            iteration=iteration, update=update, epoch=epoch, epoch_ended=epoch_ended
        )

    def keep(self, parts: Parts) -> None:
        """Copy a state that is good."""
        taken, tensors = snapshot(parts), Tensors()
        for held in taken.fragments.values():
            tensors |= held
        kept = {name: decode(part, tensors) for name, part in taken.state.items()}
        others = [one for one in self.held if _place(one) != _place(kept)]
        self.held = [*others, kept][-KEPT:]

    def choose(self, iteration: int) -> Parts:
        """Choose the state to go back to from ``iteration``, the one that failed.

        The newest after which an iteration was good. But where it failed no later than the last
        time, one before that which was gone back to then: what lies between is of no use.
        """
        older = [one for one in self.held if _place(one) + 1 < iteration]
        if self._last is not None and iteration <= self._failed:
            older = [one for one in older if _place(one) < self._last]
        self.held = older or self.held[:1]
        self._last, self._failed = _place(self.held[-1]), iteration
        return self.held[-1]

    def lower(self) -> None:
        """Count that it was gone back."""
        self.times += 1
        self.factor *= self.back.factor

    def rewind(self, state: Parts) -> None:
        """Be due from a kept state on as after it was kept."""
        self._every.at = tuple(state["at"])

    def state(self) -> Parts:
        """Collect all but the kept states in plain values."""
        return {
            "times": self.times, "factor": self.factor, "last": self._last,
            "failed": self._failed, "at": list(self._every.at),
        }  # fmt: skip

    def parts(self) -> Parts:
        """Name the kept states, each a part of a checkpoint."""
        return {f"{LABEL}{_place(one)}": one for one in self.held}

    def go_on_from(self, given: Parts) -> None:
        """Go on from the parts of a checkpoint, if it has any of these."""
        if "back" in given:
            state = given["back"]
            self.factor = state["factor"]
            if "at" in state:  # else it was saved by a training that did not go back
                self.times, self._last, self._failed = (
                    state[name] for name in ("times", "last", "failed")
                )
                self.rewind(state)
        self.held = [one for label, one in given.items() if label.startswith(LABEL)]


def _place(kept: Parts) -> int:
    return kept["course"]["iteration"]


def healthy(model: Any, optimizer: Any) -> bool:
    """Tell whether a state is worth going back to: its weights and moments are finite.

    A loss may be finite while a weight is not: behind a ReLU, or one that no batch has asked for.
    Of a buffer only NaN counts, for a mask of attention holds -inf.
    """
    held = [p for group in optimizer.param_groups for p in group["params"]]
    states = [state for one in single(optimizer).values() for state in _states(one)]
    moments = [value for state in states for value in _tensors(state)]
    buffers = list(model.buffers()) if isinstance(model, nn.Module) else []
    weights = (good(one) for one in (*held, *moments) if not one.is_sparse)
    return all(weights) and all(good(one, buffer=True) for one in buffers if not one.is_sparse)


def _states(optimizer: Any) -> list[Any]:
    return list(getattr(optimizer, "state", {}).values())


def _tensors(state: Any) -> list[Tensor]:
    parts = state.values() if isinstance(state, dict) else ()  # pyright: ignore
    return [one for one in parts if isinstance(one, Tensor)]  # pyright: ignore


def _every(back: Back, lengths: Lengths) -> Every:
    if back.interval is not None:
        return Every(back.interval, lengths)
    try:
        return Every(Duration(0.05, "run"), lengths)
    except ValueError:  # the run's length is not known
        return Every(Duration(1, "epoch"), lengths)
