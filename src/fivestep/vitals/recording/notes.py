"""The iteration that is going on, as it is written down: what all parts of the recorder share.

What happened is a plain tuple, in a microsecond: the kind of event, the number of the user's line,
and whatever makes two events of the kind differ. An ``Event`` with numbers is made only where the
iteration is measured in detail, or the tuple is new.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from fivestep.vitals.events import Event, Forward, Loss
from fivestep.vitals.facts import Site, TensorFacts
from fivestep.vitals.measure import Later, describe, fill, quietly
from fivestep.vitals.record import Record
from fivestep.vitals.recording.sampling import KEPT, LONG, Sampling
from fivestep.vitals.registry import Registry

Raw = tuple[Any, ...]
Written = tuple[int, Event | None, dict[str, Any] | None]


class Notes:
    """One iteration's pages, and the numbers of lines, objects and events.

    ``close`` is called where a new iteration begins.
    """

    def __init__(self, record: Record, close: Callable[[], None]) -> None:
        self.record = record
        self.who = Registry(record)
        self.later = Later()
        self.sampling = Sampling()
        self._close = close
        self.sites: list[Site | None] = [None]
        self._site_numbers: dict[int, int] = {id(None): 0}  # sites are kept for ever: ids do
        self._numbers: dict[Raw, int] = {}  # what happened -> its number
        self.raws: list[Raw] = []  # what happened, by its number
        self.counts: list[int] = []
        self.at = 0  # place in the run
        self.now: list[int] = []  # of this iteration, by number
        self.written: list[Written] = []  # beside ``now``
        self.places: set[tuple[int, int | None]] = set()
        self.spent = False  # the iteration has had its backward or its update
        self.bad = False  # a loss of this iteration is the first that is not finite
        self.in_step: list[int] = []  # optimizers that are updating
        self.recent: dict[int, Forward | Loss] = {}  # a backward may come through them

    def site(self, site: Site | None) -> int:
        """A number for a line of the user's code."""
        number = self._site_numbers.get(id(site))
        if number is None:
            number = self._site_numbers[id(site)] = len(self.sites)
            self.sites.append(site)
        return number

    def full(self, raw: Raw) -> bool:
        """Tell whether this event is to be measured: a detailed iteration, or its first time."""
        if raw in self._numbers or len(self.raws) >= 4 * KEPT:
            return self.sampling.detailed
        self._numbers[raw] = len(self.raws)
        self.raws.append(raw)
        self.counts.append(0)
        return True

    def write(
        self, raw: Raw, event: Event | None, extra: dict[str, Any] | None = None, at: int = 0
    ) -> None:
        """Write down what happened; ``extra`` are fields that do not make events differ."""
        number = self._numbers.get(raw)
        if number is None:
            self.full(raw)
            number = self._numbers.get(raw)
            if number is None:  # too many different ones already
                return
        self.counts[number] += 1
        if len(self.now) >= LONG and number in self.now:
            return
        self.now.append(number)
        self.written.append((at or self.at, event, extra))

    def next(self) -> int:
        """The place of the next event in the run."""
        self.at += 1
        return self.at

    def inside(self) -> int | None:
        """The optimizer in whose update this happens."""
        return self.in_step[-1] if self.in_step else None

    def enter(self, place: tuple[int, int | None], *, at_once: bool = False) -> None:
        """Begin a new iteration when the loop comes by the same line again."""
        if (place in self.places and (self.spent or at_once) and not self.in_step) or (
            self.spent and place[0] < 0 and not self.in_step
        ):
            self._close()
        self.places.add(place)

    def end(self) -> None:
        """End the iteration, unless an update is going on."""
        if not self.in_step:
            self._close()

    def turn(self) -> None:
        """Begin an empty page."""
        self.now, self.written = [], []
        self.places, self.spent, self.bad = set(), False, False

    def happened(self) -> list[Raw]:
        """What happened in this iteration."""
        return [self.raws[number] for number in self.now]

    def facts(
        self, tensors: list[torch.Tensor], *, classes: int | None = None, rows: bool = False
    ) -> tuple[TensorFacts, ...]:
        """Measure tensors."""
        with quietly():
            return tuple(
                fill(describe(one), one, self.later, classes=classes, rows=rows) for one in tensors
            )


def grad_mode() -> str:
    """Are gradients on: "on", "off" or "inference"."""
    if torch.is_grad_enabled():
        return "on"
    return "inference" if torch.is_inference_mode_enabled() else "off"
