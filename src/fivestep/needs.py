"""What must have been heard before a rule may say "in order"; else it was not checked, and why.

A rule names its needs (``NEEDS = ("loader",)``). They never silence it: what it finds, it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from fivestep.vitals.events import Clip, Compare, Event, Forward, Loss, Pick
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


def _heard(*kinds: type[Event]) -> Callable[[Record], bool]:
    def met(record: Record) -> bool:
        return any(record.count(kind) for kind in kinds)

    return met


def _has(name: str) -> Callable[[Record], bool]:
    def met(record: Record) -> bool:
        return bool(getattr(record, name))

    return met


def _second_epoch(record: Record) -> bool:
    return any(one.epochs > 1 for one in record.loaders)


def _workers(record: Record) -> bool:
    return any(one.workers for one in record.loaders)


NEEDS: dict[str, Need] = {
    "clip": Need(_heard(Clip), "nothing was clipped"),
    "curve": Need(_curve, f"fewer than {LOSSES} losses"),
    "evaluation": Need(_evaluated, "nothing was evaluated"),
    "forward": Need(_heard(Forward), "no model was called"),
    "loader": Need(_has("loaders"), "no DataLoader was used"),
    "loss": Need(_heard(Loss), "no loss function of torch: it is written by hand"),
    "metric": Need(_heard(Compare, Pick), "no metric was taken"),
    "schedule": Need(_has("schedulers"), "there was no schedule"),
    "second epoch": Need(_second_epoch, "no DataLoader was gone through twice"),
    "state": Need(_has("states"), "no state_dict was taken"),
    "workers": Need(_workers, "no DataLoader has workers"),
}


def unmet(needs: Iterable[str], record: Record) -> str:
    """Say what was missing; "" if nothing."""
    return next((NEEDS[name].reason for name in needs if not NEEDS[name].met(record)), "")
