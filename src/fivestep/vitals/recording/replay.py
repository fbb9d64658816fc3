"""What ``quick`` asks of the recorder: to write down iterations that went the short way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fivestep.vitals.events import Backward, Batch, Clear, Forward, Loss, Update
from fivestep.vitals.holding import stamp
from fivestep.vitals.record import Series, Vitals
from fivestep.vitals.recording.notes import Raw
from fivestep.vitals.recording.sampling import RATES
from fivestep.vitals.recording.updating import rates_of

if TYPE_CHECKING:
    from fivestep.vitals.recorder import Recorder


class Replay:
    """Brings all parts of a recorder to where they would be by the long way."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder, self._notes = recorder, recorder.notes

    @property
    def trained(self) -> int:
        """Iterations with a backward so far."""
        return self._notes.sampling.trained

    def raw(self, number: int) -> Raw:
        """What happened, by its number."""
        return self._notes.raws[number]

    def series_of(self, raw: Raw) -> Series:
        """The training loss of a backward."""
        return self._recorder.curves.of("backward", raw[1], "training")

    def add_rounds(self, rounds: int, numbers: list[int], vitals: Vitals) -> None:
        """So many iterations went exactly like ``vitals``."""
        notes = self._notes
        vitals.repeats += rounds
        notes.record.length += rounds
        for number in numbers:
            notes.counts[number] += rounds
            self._count(notes.raws[number], rounds)
        for holding in self._recorder.holdings:
            holding.stamp = stamp(holding.alive())
        notes.sampling.ended_quickly(rounds)

    def take_back(self, number: int) -> None:
        """The event just written is the first of an iteration that goes the short way."""
        notes = self._notes
        notes.counts[number] -= 1
        self._count(notes.raws[number], -1)
        notes.now, notes.written, notes.places = [], [], set()

    def new_rate(self, optimizer: Any, rounds: int) -> None:
        """A schedule has changed the rate while iterations go the short way."""
        number = self._notes.who.optimizers.find(optimizer)
        if number is None:
            return
        facts, holding = self._notes.record.optimizers[number], self._recorder.holdings.of(number)
        rates = rates_of(optimizer)
        if rates != holding.rates:
            holding.rates = rates
            if len(facts.rates) < RATES:
                facts.rates.append((facts.updates + rounds + 1, rates[0]))

    def _count(self, raw: Raw, times: int) -> None:
        kind, recorder, record = raw[0], self._recorder, self._notes.record
        if kind is Forward:
            record.models[raw[2]].forwards += times
        elif kind is Loss:
            recorder.losses.count += times
        elif kind is Clear:
            record.optimizers[raw[2]].clears += times
        elif kind is Update:
            record.optimizers[raw[2]].updates += times
            recorder.holdings.of(raw[2]).updates += times
            recorder.updates.count += times
        elif kind is Batch:
            record.loaders[raw[2]].batches += times
            recorder.loading.epochs[raw[2]][1] += times

    def replay(self, number: int) -> None:
        """An event of an iteration that began like the others: write it down after all."""
        notes = self._notes
        raw = notes.raws[number]
        notes.next()
        extra = self._act(raw)
        self._count(raw, 1)
        if raw[0] is Batch:
            epoch, position = self._recorder.loading.epochs[raw[2]]
            extra = {"epoch": epoch, "position": position}
        notes.write(raw, None, extra)

    def _act(self, raw: Raw) -> dict[str, Any] | None:
        """What the part of a recorder does that hears such an event."""
        notes, recorder = self._notes, self._recorder
        kind, place, who = raw[:3]
        if kind is Forward:
            notes.places.add((place, who))
            recorder.forwards.last = (who, True)
            if recorder.quick.given is not None:
                recorder.forwards.given = (notes.at, recorder.quick.given)
        elif kind is Clear:
            notes.places.add((place, who))
            recorder.holdings.of(who).clear(place)
        elif kind is Batch:
            notes.places.add((-place, who))
            recorder.loading.last = who
        elif kind is Backward:
            notes.spent = True
            for one in raw[5]:
                recorder.holdings.of(one).add(place)
        elif kind is Update:
            return self._update(place, who)
        return None

    def _update(self, place: int, optimizer: int) -> dict[str, Any]:
        notes, holding = self._notes, self._recorder.holdings.of(optimizer)
        notes.spent = True
        notes.places.add((place, -1 - optimizer))
        holding.use("some")
        holding.updates -= 1  # counted with the others
        return {"began": notes.at, "rates": holding.rates}
