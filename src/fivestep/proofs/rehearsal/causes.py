"""What was forgotten, found by rehearsal: with it put back the training goes on as ever."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from fivestep.proofs.rehearsal.clocks import Clock
from fivestep.proofs.rehearsal.compared import apart, parting
from fivestep.proofs.rehearsal.leaves import Leaf
from fivestep.proofs.rehearsal.perform import Job, Outcome
from fivestep.proofs.rehearsal.stages import Stage

MOST = 100  # rehearsals to find out which of them it was


@dataclass
class Causes:
    """Why a training that was gone on with ends otherwise.

    Attributes:
        forgotten: what was kept outside of what is saved; with it put back the bits are the same.
        suspects: what differs and cannot be put back, where nothing else explains it.
        hashed: the bits change with the hash seed, and what differs with it.
        clock: where the time is asked for, if the bits change with it.
        repeats: going on twice from the same save gives the same.
    """

    forgotten: list[str] = field(default_factory=list[str])
    suspects: list[str] = field(default_factory=list[str])
    hashed: list[str] | None = None
    clock: list[str] | None = None
    repeats: bool = True
    explained: bool = False


class Search:
    """Goes on from one save again and again, with other things put back.

    Args:
        same: rehearses under the hash seed of the training that was saved.
        other: rehearses under another one.
        folder: of all rehearsals.
        seed: of ``fit``.
        place: which save.
    """

    def __init__(self, same: Stage, other: Stage, folder: str, seed: int, place: int) -> None:
        self.same, self.other = same, other
        self.folder, self.seed, self.place = folder, seed, place
        self.whole: tuple[str, Outcome] = "whole", Outcome()
        self._numbers = count(1)
        self.seen: dict[str, Leaf] = {}  # after the load

    def causes(self, whole: Outcome) -> Causes:
        """Find them."""
        self.whole = "whole", whole
        found = self._found("true")
        if not found.explained and whole.asked:
            found = self._still(found)
        return found

    def _found(self, clock: Clock) -> Causes:
        plain = self._go(self.same, clock, [])
        self.seen = plain.walks[-1] if plain.walks else {}
        saved = self.whole[1].walks[self.place]
        differs = apart(saved, self.seen)
        if not self._equal(plain):
            base = self._base(clock, differs)
            if base is None:
                again = self._go(self.same, clock, [])
                hidden = [
                    key for key in differs if saved[key].value is None or key not in self.seen
                ]
                return Causes(suspects=hidden, repeats=plain.points == again.points)
            kept = self._needed(clock, base)
        else:
            kept = []
        found = Causes(forgotten=kept, explained=True)
        if clock == "true":
            self._surroundings(found, differs)
        return found

    def _base(self, clock: Clock, differs: list[str]) -> list[str] | None:
        """What is enough to put back. Data that is read on to its place moves by itself."""
        saved = self.whole[1].walks[self.place]
        able = [key for key in differs if saved[key].value is not None]
        without = [key for key in able if not key.startswith("data")]
        for group in (able, without):
            if group and self._equal(self._go(self.same, clock, group)):
                return group
        return None

    def _needed(self, clock: Clock, base: list[str]) -> list[str]:
        """Leave out half of them, a quarter, one: what must not be left out was forgotten."""
        kept, size, left = list(base), max(1, len(base) // 2), MOST
        while size and left:
            start = 0
            while start < len(kept) and left:
                less, left = kept[:start] + kept[start + size :], left - 1
                if self._equal(self._go(self.same, clock, less)):
                    kept = less
                else:
                    start += size
            size //= 2
        return kept

    def _surroundings(self, found: Causes, differs: list[str]) -> None:
        """Change the hash seed alone, and then the day alone."""
        under = self._go(self.other, "true", found.forgotten)
        if not self._equal(under):
            saved = self.whole[1].walks[self.place]
            here = under.walks[-1] if under.walks else {}
            orders = [k for k, leaf in saved.items() if k in here and here[k].order != leaf.order]
            others = [key for key in apart(saved, here) if key not in differs]
            found.hashed = list(dict.fromkeys((*orders, *others)))
        if not self._equal(self._go(self.same, "another day", found.forgotten)):
            found.clock = self.whole[1].asked

    def _still(self, before: Causes) -> Causes:
        """Let the time stand still in both: if that makes them the same, it is the clock."""
        asked = self.whole[1].asked
        kept = self.whole
        name = f"still.{next(self._numbers)}"
        still = self.same(Job(self.folder, name, self.seed, clock="still"))
        if still.error or self.place >= len(still.walks):
            return before
        self.whole = name, still
        found = self._found("still")
        self.whole = kept
        if not found.explained:
            return before
        found.clock = asked
        return found

    def _go(self, stage: Stage, clock: Clock, put: list[str]) -> Outcome:
        name = f"again.{self.place}.{next(self._numbers)}"
        job = Job(self.folder, name, self.seed, self.whole[0], self.place, clock, put)
        outcome = stage(job)
        self._last = name
        return outcome

    def _equal(self, outcome: Outcome) -> bool:
        if outcome.error or not outcome.points:
            return False
        return parting(self.folder, self.whole, (self._last, outcome)) is None
