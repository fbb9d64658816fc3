"""The end of an iteration: kept if it is new or measured in detail, else counted."""

from __future__ import annotations

from typing import Any

from fivestep.vitals.events import Event, Forward, Loss, Update
from fivestep.vitals.record import Vitals
from fivestep.vitals.recording.notes import Notes, Raw
from fivestep.vitals.recording.sampling import ALIKE, KEPT

Signature = tuple[int, ...]


class Kept:
    """The iterations that are kept, by their sequence of events."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._kept: dict[Signature, tuple[Vitals, int]] = {}

    def add(self) -> Signature:
        """Keep the iteration that ends now, or count it; say which sequence of events it is."""
        notes = self._notes
        signature = tuple(dict.fromkeys(notes.now))
        known = self._kept.get(signature)
        if known is None or notes.bad or (notes.sampling.detailed and known[1] < ALIKE):
            self._keep(signature, known)
        else:
            known[0].repeats += 1
        notes.record.length += 1
        return signature

    def last(self, signature: Signature) -> Vitals | None:
        """The last one that was kept of a sequence; None if there were too many sequences."""
        known = self._kept.get(signature)
        return None if known is None else known[0]

    def _keep(self, signature: Signature, known: tuple[Vitals, int] | None) -> None:
        notes, sampling = self._notes, self._notes.sampling
        if known is None and len(self._kept) >= KEPT:
            notes.record.unkept += 1
            return
        if known is None:
            sampling.changed(len(self._kept))
        number = sampling.trained + 1 if notes.spent else max(sampling.trained, 1)
        seconds = sampling.seconds()
        vitals = Vitals(number, tuple(self._build()), detailed=sampling.detailed, seconds=seconds)
        notes.record.iterations.append(vitals)
        self._kept[signature] = (vitals, known[1] + 1 if known is not None else 1)

    def _build(self) -> list[Event]:
        built: list[Event] = []
        notes = self._notes
        for number, (at, event, extra) in zip(notes.now, notes.written, strict=True):
            one = event if event is not None else self._light(notes.raws[number], at)
            for name, value in (extra or {}).items():
                setattr(one, name, value)
            if isinstance(one, (Forward, Loss)) and event is not None and one.backward is None:
                one.backward = False if notes.spent else None
            built.append(one)
        return built

    def _light(self, raw: Raw, at: int) -> Event:
        """An event without numbers."""
        sites = self._notes.sites
        kind, site, *rest = raw
        if kind is Update:
            rest[7], rest[8] = sites[rest[7]], sites[rest[8]]
        made: Any = kind(at, sites[site], *rest)
        return made
