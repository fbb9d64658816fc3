"""The data: epochs and batches of a DataLoader."""

from __future__ import annotations

from typing import Any

from fivestep.vitals.events import Batch, EpochEnd
from fivestep.vitals.facts import Site
from fivestep.vitals.measure import tensors_in
from fivestep.vitals.record import LoaderFacts
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.sampling import LABELLED
from fivestep.vitals.samples import Samples

EPOCHS = 64  # of which the first batch is known again


class Loading:
    """Writes down what loaders hand out."""

    def __init__(self, notes: Notes, samples: Samples) -> None:
        self._notes, self._samples = notes, samples
        self.last: int | None = None  # the loader that handed out the last batch
        self.epochs: dict[int, list[int]] = {}  # of a loader: number of its epoch, batches in it

    def epoch(self, loader: Any, site: Site | None) -> int:
        """A loader was started."""
        number = self._notes.who.loader(loader, site)
        facts = self._notes.record.loaders[number]
        facts.epochs += 1
        self.epochs[number] = [facts.epochs, 0]
        inner = getattr(loader, "sampler", None)
        if facts.distributed and len(facts.sampler_epochs) < EPOCHS:
            facts.sampler_epochs = (*facts.sampler_epochs, int(getattr(inner, "epoch", -1)))
        return number

    def batch(self, number: int, data: Any, seconds: float, busy: float, site: Site | None) -> None:
        """A loader handed out a batch; the processor was busy with it for some of the seconds."""
        notes = self._notes
        place = notes.site(site)
        notes.enter((-place, number), at_once=True)  # below 0: a batch always begins an iteration
        raw = (Batch, place, number)
        epoch, position = self.epochs[number]
        position = self.epochs[number][1] = position + 1
        facts = notes.record.loaders[number]
        facts.batches += 1
        facts.waited += seconds
        self.last = number
        extra: dict[str, Any] = {"epoch": epoch, "position": position, "seconds": seconds}
        extra["busy"] = busy
        event, first = None, position == 1 and len(facts.first_digests) < EPOCHS
        if notes.full(raw) or first or facts.batches <= LABELLED:
            event = Batch(notes.next(), site, number, **extra)
            event.tensors = notes.facts(tensors_in(data, 4))
            _look_at(event, facts, first)
        notes.write(raw, event, extra)

    def ended(self, number: int, site: Site | None) -> None:
        """A loader had no more batches: so ends the iteration."""
        notes = self._notes
        epoch, position = self.epochs.get(number, [0, 0])
        self._samples.ended(number)
        raw = (EpochEnd, notes.site(site), number)
        notes.write(raw, None, {"epoch": epoch, "batches": position})
        notes.end()


def _look_at(event: Batch, facts: LoaderFacts, first: bool) -> None:
    numbers = [one.numbers for one in event.tensors]
    if first and numbers and numbers[0] is not None:
        facts.first_digests.append(numbers[0].digest)
    if len(facts.labels) < LABELLED and len(numbers) > 1 and numbers[1] is not None:
        facts.labels.append(numbers[1].counts or {})
