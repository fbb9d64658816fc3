"""Events become iterations, and iterations a record.

``listen`` (a loop that somebody else wrote) and ``watch`` (our own) tell the parts below what
happens, each its own family of events. ``recording`` holds them, one file each.
"""

from __future__ import annotations

import time

import torch
from torch import nn

from fivestep.vitals.events import Batch, Forward
from fivestep.vitals.quick import Quick
from fivestep.vitals.record import Record, Vitals
from fivestep.vitals.recording.asides import Asides
from fivestep.vitals.recording.backwards import Backwards
from fivestep.vitals.recording.by_hand import ByHand
from fivestep.vitals.recording.clears import Clears
from fivestep.vitals.recording.curves import Curves
from fivestep.vitals.recording.forwards import Forwards
from fivestep.vitals.recording.holdings import Holdings
from fivestep.vitals.recording.kept import Kept, Signature
from fivestep.vitals.recording.loading import Loading
from fivestep.vitals.recording.losses import Losses
from fivestep.vitals.recording.modules import Modules
from fivestep.vitals.recording.nonfinite import Nonfinite
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.probe import Probe
from fivestep.vitals.recording.replay import Replay
from fivestep.vitals.recording.rows import close_rows
from fivestep.vitals.recording.sampling import BULK, LABELLED
from fivestep.vitals.recording.scaling import Scaling
from fivestep.vitals.recording.schedules import Schedules
from fivestep.vitals.recording.states import States
from fivestep.vitals.recording.strays import Strays
from fivestep.vitals.recording.updating import Updates
from fivestep.vitals.recording.walks import Walks
from fivestep.vitals.samples import Samples


class Recorder:
    """Writes down one run. One for each thread; nothing here is shared.

    Args:
        narrowed: some optimizers are not heard, so a change of weights may be theirs.
    """

    def __init__(self, *, narrowed: bool = False) -> None:
        self.record = Record(torch=torch.__version__)
        self.notes = notes = Notes(self.record, self.close)
        self.samples = samples = Samples(self.record.passes)
        self.kept = Kept(notes)
        self._probe = Probe(notes)
        self.curves = Curves(notes)
        self.holdings = Holdings(notes)
        self._open_parts(notes, samples, narrowed)
        self.quick = Quick(Replay(self))
        self._began = time.perf_counter()

    def _open_parts(self, notes: Notes, samples: Samples, narrowed: bool) -> None:
        strays = Strays(notes)
        self.loading = Loading(notes, samples)
        self.forwards = Forwards(notes, samples, self._probe)
        self.modules = Modules(notes, self.forwards, strays)
        self.losses = Losses(notes, self.forwards, self.loading, self.curves, samples)
        self.clears = Clears(notes, self.holdings)
        self.scaling = Scaling(notes, self.holdings)
        self.states = States(notes)
        self.updates = Updates(notes, self.holdings, self.scaling, self.states)
        self.backwards = Backwards(
            notes, self.holdings, ByHand(notes, self.holdings, self.updates, narrowed=narrowed),
            Nonfinite(notes, self.forwards), Walks(notes, strays), self._probe, self.scaling,
            self.curves,
        )  # fmt: skip
        self.schedules = Schedules(notes)
        self.asides = Asides(notes, self.scaling)

    def close(self) -> None:
        """End the iteration: keep it if it is detailed or new, else count it."""
        notes, trains = self.notes, self.notes.spent
        if not notes.now and not trains:
            return
        if notes.sampling.detailed:
            self.schedules.look()
        if self.samples.given:
            close_rows(self.samples, notes, self.loading)
        signature = self.kept.add()
        notes.turn()
        self._probe.forget()
        self.forwards.forget_inputs()
        notes.sampling.ended(trains=trains)
        if self.record.length % BULK == 0:
            notes.later.flush()
        self._offer(signature, trains)

    def _offer(self, signature: Signature, trains: bool) -> None:
        """Let the next iteration go the short way, if it can."""
        sampling = self.notes.sampling
        vitals = self.kept.last(signature)
        if vitals is not None and trains and not sampling.detailed and self._may_go_quickly(vitals):
            self.quick.consider(signature, sampling.until_sample())
        else:
            self.quick.forget()

    def _may_go_quickly(self, vitals: Vitals) -> bool:
        hand = self.holdings.by_hand()
        by_hand = hand is not None and bool(hand.backwards)
        loaders = [self.record.loaders[one.loader] for one in vitals.of(Batch)]
        looked = all(one.batches > LABELLED for one in loaders)
        busy = self.states or by_hand or self.scaling.waits
        return looked and self.samples.full and not busy

    def finish(self) -> Record:
        """End the run: close the last iteration, read what waits, fill in the totals."""
        self.quick.leave()
        self.close()
        self.notes.later.flush()
        record, who = self.record, self.notes.who
        record.counts = {}
        for raw, count in zip(self.notes.raws, self.notes.counts, strict=True):
            kind = raw[0].__name__.lower()
            record.counts[kind] = record.counts.get(kind, 0) + count
        record.seconds = time.perf_counter() - self._began
        for number, facts in enumerate(record.models):
            model = who.models.get(number)
            if isinstance(model, nn.Module):
                who.refresh(facts.number, model)
        self.states.finish()
        _count_rows(record)
        return record


def _count_rows(record: Record) -> None:
    seen: dict[bool, set[int]] = {True: set(), False: set()}
    for _, event in record.events(Forward):
        for facts in event.inputs[:1]:
            if facts.numbers is not None:
                seen[event.training].update(facts.numbers.rows)
    record.training_rows, record.evaluation_rows = len(seen[True]), len(seen[False])
    record.shared_rows = len(seen[True] & seen[False])
