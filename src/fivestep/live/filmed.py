"""A journal with a film beside it, and the doctor's words while the training still goes on."""

from __future__ import annotations

import os
import time
from typing import Any, cast

from fivestep.journal import Entry, Journal
from fivestep.live.film import Film, hello
from fivestep.live.places import beside
from fivestep.live.process import identity
from fivestep.page.findings import Findings
from fivestep.page.protocol import Message, file_name, placed
from fivestep.vitals.events import Update
from fivestep.watch import Watch

FIRST = 8  # iterations, before the doctor is asked
GROWTH = 1.5  # of the iterations between two looks
SHARE = 0.01  # of the time of a training may go into asking the doctor while it runs


class Filmed(Journal):
    """A journal that is shown while it is written.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, where: str | os.PathLike[str], *, again: bool = False) -> None:
        super().__init__(where, again=again)
        try:
            self._begin()
        except OSError:
            Journal.close(self)  # there is no film yet that could be closed with it
            self.path.unlink()
            raise

    def _begin(self, *, there: bool = False) -> None:
        path = beside(self.path)
        try:
            self.film = Film(path, there=there)
        except OSError as error:
            raise type(error)(
                f"page: cannot write {path}: {error.strerror}\n"
                "  do: name another record, or remove what stands there"
            ) from error
        self.anew = True  # the film does not hold what the journal may hold
        self._told: set[Any] = set()  # findings that the film has
        self._doctor: _Doctor | None = None

    @classmethod
    def continued(cls, where: str | os.PathLike[str], place: Entry) -> tuple[Journal, bool]:
        """Open the files of a run that goes on, and forget what was written after a ``place``.

        A film that is not the one of that place begins anew: ``retell`` it what the journal holds.
        """
        journal, whole = super().continued(where, place | {"film": None})
        assert isinstance(journal, cls)
        there = beside(journal.path).exists()
        journal._begin(there=there)
        if not (whole and journal._cut_film(place)) and there:
            journal.film.discard()
            journal._begin()
        return journal, whole

    def place(self) -> Entry:
        """Say where both stand, in what JSON knows; ``cut`` goes back to it."""
        film = self.film.place()
        told = [list(one) for one in sorted(self._told, key=str)]
        return super().place() | {"film": film and film | {"findings": told}}

    def cut(self, to: Entry) -> bool:
        """Forget in both what was written after a ``place``, and go on from there."""
        whole = super().cut(to)
        if to.get("film") is not None:
            self._cut_film(to)
        return whole

    def _cut_film(self, to: Entry) -> bool:
        film = to.get("film")
        if not self.film.cut(film):
            return False
        assert film is not None
        self.anew = False
        self._told.clear()
        self._told.update(tuple(one) for one in film["findings"])
        self.film.say("resumed", {"iteration": self.film.iteration, "process": identity()})
        return True

    def write(self, kind: str, record: Entry) -> None:
        """Append one line here, and a message there."""
        super().write(kind, record)
        self._tell(kind, record)

    def retell(self, head: Entry, history: list[Entry]) -> None:
        """Tell a film that begins anew what the journal holds already."""
        self._tell("start", head)
        for record in history:
            self._tell("record", record)

    def begin_again(self, head: Entry, history: list[Entry]) -> None:
        """Begin the film anew: iterations that it has shown are made once more."""
        self.film.discard()
        self._begin()
        self.attend(self._watch)
        self.retell(head, history)

    def _tell(self, kind: str, record: Entry) -> None:
        if kind == "start":
            self.film.say("hello", hello(self.path.stem, record["setup"], record["seed"]))
        elif kind == "record":
            self.film.say("entry", record)
        elif kind == "end":
            self._end(record)

    def attend(self, watch: Watch | None) -> None:
        """Take the layers and the findings from the doctor that reads along."""
        self._watch = watch
        if watch is not None:
            self._doctor = _Doctor(watch, self.film, self._told)
            self.film.name_layers(watch.recorder.record.parameters)

    def iterated(
        self, iteration: int, epoch: int, loss: float, gradient_norm: float, rate: float,
        samples: int,
    ) -> None:  # fmt: skip
        """An iteration is done; in the training's thread."""
        doctor, update = self._doctor, None
        if doctor is not None:
            update = doctor.update()
        self.film.iterated(iteration, epoch, loss, gradient_norm, rate, samples, update)
        if doctor is not None and iteration >= doctor.next:
            doctor.look(iteration)

    def discard(self) -> None:
        """Close both files and remove them."""
        self.film.discard()
        super().discard()

    def close(self) -> None:
        """Close both files."""
        self.film.close()
        super().close()
        self.failure = self.failure or self.film.failure

    def _end(self, record: Entry) -> None:
        report = record.get("report")
        found = [placed(one, file_name) for one in report["findings"]] if report else []
        for one in found:
            if key(one) not in self._told:
                self.film.say("finding", one)
        told = {name: value for name, value in record.items() if name != "report"}
        if report is not None:  # what was said before and is not among them was said too early
            told["findings"] = [list(key(one)) for one in found]
        self.film.say("end", told)


class _Doctor:
    """Asks the doctor at an iteration's end, ever more rarely, and for a hundredth of the time."""

    def __init__(self, watch: Watch, film: Film, told: set[Any]) -> None:
        self._recorder, self._film, self._told = watch.recorder, film, told
        self.next = FIRST
        self._spent = 0.0
        # What it asks of a doctor is its record, and a watch has that, too.
        self._findings = Findings(cast("Any", watch), self._post, lambda finding: 0, file_name)
        self._watch = watch

    def update(self) -> Update | None:
        """The update just made, if it was measured layer by layer."""
        try:
            return self._measured()
        except Exception:  # a fault of ours costs the picture, not the training
            return None

    def _measured(self) -> Update | None:
        recorder = self._recorder
        if recorder.quick.active or not recorder.notes.sampling.detailed:
            return None
        for _, event, _ in reversed(recorder.notes.written):
            if isinstance(event, Update):
                return event
        return None

    def look(self, iteration: int) -> None:
        """Tell what is surely wrong by now."""
        began = time.perf_counter()
        if self._spent > SHARE * (began - self._film.began):
            self.next = iteration + 1  # dearer than it may be: a little later
            return
        self.next = max(iteration + 1, int(iteration * GROWTH))
        self._watch.safely(self._findings.look, iteration, False, True)
        self._spent += time.perf_counter() - began

    def _post(self, kind: str, fields: Message) -> int:
        if kind != "finding" or fields["early"]:  # what may be taken back is told at the end
            return 0
        told = {name: value for name, value in fields.items() if name not in ("seq_of", "early")}
        if key(told) in self._told:  # by the process before this one
            return 0
        self._told.add(key(told))
        return self._film.say(kind, told)


def key(finding: Message) -> tuple[Any, ...]:
    """What tells one finding from another."""
    return finding["rule"], finding["file"], finding["line"]
