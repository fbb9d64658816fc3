"""What must have been heard before a rule may say "in order"; else it was not checked, and why.

A rule names its needs (``NEEDS = ("loader",)``). They never silence it: what it finds, it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from fivestep.vitals.events import Clip, Compare, Forward, Loss, Pick
from fivestep.vitals.record import Record

LOSSES = 20  # of a curve, before it can be called level or steady


class Need(NamedTuple):
    """Something that must have happened, and what is said if it has not."""

    met: Callable[[Record], bool]
    reason: str


def _evaluated(record: Record) -> bool:
    graded = any(event.grad != "on" or not event.training for _, event in record.events(Forward))
    return graded or record.evaluation() is not None


def _curve(record: Record) -> bool:
    return any(one.count >= LOSSES for one in record.series if one.kind == "training")


NEEDS: dict[str, Need] = {
    "clip": Need(lambda record: bool(record.count(Clip)), "nothing was clipped"),
    "curve": Need(_curve, f"fewer than {LOSSES} losses"),
    "evaluation": Need(_evaluated, "nothing was evaluated"),
    "forward": Need(lambda record: bool(record.count(Forward)), "no model was called"),
    "loader": Need(lambda record: bool(record.loaders), "no DataLoader was used"),
    "loss": Need(
        lambda record: bool(record.count(Loss)), "no loss function of torch: it is written by hand"
    ),
    "metric": Need(
        lambda record: bool(record.count(Compare) or record.count(Pick)), "no metric was taken"
    ),
    "schedule": Need(lambda record: bool(record.schedulers), "there was no schedule"),
    "second epoch": Need(
        lambda record: any(one.epochs > 1 for one in record.loaders),
        "no DataLoader was gone through twice",
    ),
    "state": Need(lambda record: bool(record.states), "no state_dict was taken"),
    "workers": Need(
        lambda record: any(one.workers for one in record.loaders), "no DataLoader has workers"
    ),
}


def unmet(needs: Iterable[str], record: Record) -> str:
    """Say what was missing; "" if nothing."""
    return next((NEEDS[name].reason for name in needs if not NEEDS[name].met(record)), "")
