"""Iterations that come again and again: one alone, or the few of a window of accumulation."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fivestep.vitals.events import (
    Backward,
    Batch,
    Clear,
    Clip,
    Event,
    Forward,
    Loss,
    Schedule,
    Update,
)

if TYPE_CHECKING:
    from fivestep.vitals.record import Series, Vitals
    from fivestep.vitals.recording.notes import Raw
    from fivestep.vitals.recording.replay import Replay

WINDOW = 16  # iterations, at most

Key = tuple[Any, ...]

_END: Key = (None,)  # after the last, equal to nothing


class Heard(NamedTuple):
    """An iteration that was written down."""

    signature: tuple[int, ...]  # its events, by number
    keys: tuple[Key, ...]  # what the ears know them by, () for one that is not plain


class Period:
    """What is expected, event by event, and what each of them stands for."""

    def __init__(self, heard: list[Heard], replay: Replay) -> None:
        self.heard = heard
        self.keys = [*(key for one in heard for key in one.keys), _END]
        self.length = len(self.keys) - 1
        self.vitals: list[Vitals] = []
        self._series: list[tuple[int, Series]] = []  # of each backward, and its iteration
        self.updates: list[int] = []  # of the same optimizer until then, this one included
        self.steps: list[int] = []  # of the same optimizer in all of the period
        raws = [replay.raw(number) for one in heard for number in one.signature]
        self.plain = all(all(one.keys) for one in heard) and _plain(raws)
        if self.plain:
            self._look_up(raws, replay)

    def _look_up(self, raws: list[Raw], replay: Replay) -> None:
        offsets = [place for place, one in enumerate(self.heard) for _ in one.keys]
        self._series = [
            (offset, replay.series_of(raw))
            for offset, raw in zip(offsets, raws, strict=True)
            if raw[0] is Backward
        ]
        steppers = [raw[2] if raw[0] is Update else None for raw in raws]
        self.updates = [steppers[: i + 1].count(one) for i, one in enumerate(steppers)]
        self.steps = [steppers.count(one) for one in steppers]

    def usual(self) -> float:
        """The highest loss that is no leap, in absolute terms."""
        return min((series.usual() for _, series in self._series), default=sys.float_info.max)

    def write(self, losses: list[float], first: int) -> None:
        """Write the losses of all backwards since iteration ``first`` into their series."""
        for number, value in enumerate(losses):
            rounds, place = divmod(number, len(self._series))
            offset, series = self._series[place]
            series.add(first + rounds * len(self) + offset, value)

    def __len__(self) -> int:
        return len(self.heard)


def recurring(heard: Sequence[Heard], last: Period | None) -> list[Heard]:
    """The latest iterations, if they are those before them again, or the last period."""
    if last is not None and heard[-len(last) :] == last.heard:
        return last.heard
    for size in range(1, min(WINDOW, len(heard) // 2) + 1):
        if heard[-1] == heard[-1 - size] and heard[-size:] == heard[-2 * size : -size]:
            return list(heard[-size:])
    return []


def _plain(raws: list[Raw]) -> bool:
    cleared = {raw[2] for raw in raws if raw[0] is Clear}
    updated = {raw[2] for raw in raws if raw[0] is Update}
    used = bool(updated) and updated <= cleared
    return used and all(raw[0] in _PLAIN and _PLAIN[raw[0]](raw) for raw in raws)


def _plain_forward(raw: Raw) -> bool:
    _, _, _, training, grad, inside = raw
    return training and grad == "on" and inside is None


def _plain_backward(raw: Raw) -> bool:
    _, _, retain, create, inside, optimizers, _, scaled, error = raw
    return bool(optimizers) and inside is None and not (retain or create or scaled or error)


def _plain_update(raw: Raw) -> bool:
    _, _, number, closure, scaler, state, untouched, _, _, cleared, _, carried = raw
    sound = state == "some" and not (untouched or cleared or carried)
    return number is not None and sound and not (closure or scaler)


def _plain_batch(_raw: Raw) -> bool:
    return True


def _plain_loss(raw: Raw) -> bool:
    return raw[3] == "on" and raw[4] is True


def _plain_clear(raw: Raw) -> bool:
    return raw[2] is not None and raw[5] is None


def _plain_clip(raw: Raw) -> bool:
    return not raw[5] and not raw[6]  # neither scaled nor empty


def _plain_schedule(raw: Raw) -> bool:
    return not raw[3]  # not before the first update


_PLAIN: dict[type[Event], Callable[[Raw], bool]] = {
    Batch: _plain_batch,
    Forward: _plain_forward,
    Loss: _plain_loss,
    Clear: _plain_clear,
    Backward: _plain_backward,
    Clip: _plain_clip,
    Update: _plain_update,
    Schedule: _plain_schedule,
}
