"""Learning-rate schedules."""

from __future__ import annotations

from typing import Any

from fivestep.vitals.events import Schedule
from fivestep.vitals.facts import Site
from fivestep.vitals.recording.notes import Notes

SITES = 4  # lines at which a schedule is stepped


class Schedules:
    """Writes down steps of schedules."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def made(self, scheduler: Any, site: Site | None) -> None:
        """A schedule was made, with those that it steps itself."""
        who, known = self._notes.who, self._notes.record.schedulers
        who.scheduler(scheduler, site)
        for inner in getattr(scheduler, "_schedulers", ()):
            known[who.scheduler(inner, None)].inner = True

    def look(self) -> None:
        """Has somebody moved a schedule without its ``step``, as Ignite does?"""
        for number, schedule in self._notes.who.schedulers.living():
            facts = self._notes.record.schedulers[number]
            facts.moved = facts.moved or getattr(schedule, "last_epoch", None) != facts.start

    def stepped(
        self, scheduler: Any, before: tuple[float, ...], after: tuple[float, ...], site: Site | None
    ) -> None:
        """``scheduler.step`` was called."""
        notes = self._notes
        number = notes.who.scheduler(scheduler, None)
        facts = notes.record.schedulers[number]
        held = facts.optimizer
        updates = notes.record.optimizers[held].updates if held is not None else 0
        if held in notes.in_step:  # from a hook of the update, which has moved the weights by then
            updates += 1
        facts.steps += 1
        facts.early += not updates
        if site is not None and site not in facts.sites and len(facts.sites) < SITES:
            facts.sites = (*facts.sites, site)
        notes.next()
        extra = {"before": before, "after": after, "updates": updates}
        notes.write((Schedule, notes.site(site), number, not updates), None, extra)
