"""The fifth step: an optimizer changes the weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from fivestep.vitals.events import Update
from fivestep.vitals.facts import Site
from fivestep.vitals.holding import Holding
from fivestep.vitals.measure import quietly
from fivestep.vitals.recording.holdings import Holdings
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.sampling import RATES
from fivestep.vitals.recording.scaling import Scaling
from fivestep.vitals.recording.states import States
from fivestep.vitals.updates import Before, after_update, before_update

MANY = 64  # backwards: more make no difference between two updates


@dataclass(slots=True)
class OpenUpdate:
    """An update that has begun and not ended."""

    number: int | None  # of the optimizer; None: by hand
    holding: Holding
    optimizer: Any
    site: Site | None
    closure: bool
    state: str  # of the gradients that it found
    rates: tuple[float, ...]  # with which it is made; a hook of its own may move them after it
    before: Before | None = None


class Used(NamedTuple):
    """The gradients that an update has used."""

    backwards: int
    summed: int
    cleared: int
    carried: int
    untouched: bool


class Updates:
    """Writes down updates."""

    def __init__(self, notes: Notes, holdings: Holdings, scaling: Scaling, states: States) -> None:
        self._notes, self._holdings = notes, holdings
        self._scaling, self._states = scaling, states
        self.count = 0

    def begins(self, optimizer: Any, closure: bool, site: Site | None) -> OpenUpdate:
        """``optimizer.step`` starts."""
        notes = self._notes
        number = self._holdings.optimizer(optimizer, site)
        notes.enter((notes.site(site), -1 - number))  # where all is in a closure, this begins
        holding = self._holdings.of(number)
        if not holding.probes:
            everything = [p for group in optimizer.param_groups for p in group["params"]]
            holding.watch([p for p in everything if p.grad is not None] or everything)
        holding.began = notes.next()
        notes.in_step.append(number)
        state = "" if closure else holding.state()  # the closure makes the gradients
        opened = OpenUpdate(number, holding, optimizer, site, closure, state, rates_of(optimizer))
        if notes.sampling.detailed:
            with quietly():
                opened.before = before_update(optimizer, notes.who, closure)
        return opened

    def ends(self, opened: OpenUpdate) -> None:
        """It has ended."""
        self._notes.in_step.pop()
        holding = opened.holding
        opened.state = opened.state or holding.state()
        backwards, summed, cleared = holding.backwards, holding.summed, holding.cleared
        carried, untouched = holding.use(opened.state)
        self.write(opened, Used(backwards, summed, cleared, carried, untouched))
        if opened.number is not None:
            self._note_rates(opened.number, opened, holding)

    def write(self, opened: OpenUpdate, used: Used) -> None:
        """Write down one that has ended."""
        notes, holding = self._notes, opened.holding
        backwards, summed, cleared, carried, untouched = used
        place, at = notes.site(opened.site), notes.next()
        scaler = self._scaling.steps > 0
        raw = (
            Update, place, opened.number, opened.closure, scaler, opened.state, untouched,
            min(backwards, MANY), min(summed, MANY) if not carried else 2, cleared,
            holding.last_backward, int(carried > 0),
        )  # fmt: skip
        extra: dict[str, Any] = {"began": holding.began, "rates": holding.rates}
        extra |= {"carried": carried, "summed": summed, "backwards": backwards}
        event = None
        if notes.full(raw):
            event = Update(
                at, opened.site, opened.number, opened.closure, scaler, opened.state, untouched,
                backwards, summed, notes.sites[cleared], notes.sites[holding.last_backward],
            )  # fmt: skip
            if opened.before is not None:
                self._measure(event, opened, opened.before)
        notes.spent = True
        self.count += 1
        notes.write(raw, event, extra)
        self._states.age(opened.number)

    def _measure(self, event: Update, opened: OpenUpdate, before: Before) -> None:
        who, later = self._notes.who, self._notes.later
        with quietly():
            after_update(event, before, opened.optimizer, opened.holding, who, later)

    def _note_rates(self, number: int, opened: OpenUpdate, holding: Holding) -> None:
        facts, rates = self._notes.record.optimizers[number], opened.rates
        facts.updates += 1
        if rates != holding.rates:
            holding.rates = rates
            if len(facts.rates) < RATES:
                facts.rates.append((facts.updates, rates[0] if rates else 0.0))
            extra = self._notes.written[-1][2]
            if extra is not None:
                extra["rates"] = rates
            self._notes.who.hold(number, opened.optimizer)


def rates_of(optimizer: Any) -> tuple[float, ...]:
    """The learning rate of each group; NaN where there is none, or asking would wait for it."""
    return tuple([_rate(group) for group in optimizer.param_groups])


def _rate(group: dict[str, Any]) -> float:
    rate: Any = group.get("lr", float("nan"))
    if isinstance(rate, torch.Tensor):
        return float(rate) if rate.device.type == "cpu" else float("nan")
    return float(rate) if isinstance(rate, (int, float)) else float("nan")
