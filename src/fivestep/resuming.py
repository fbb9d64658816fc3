"""A training that saves itself as it goes, and goes on where what was saved ends."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from torch import nn

from fivestep.anchors import Anchors, healthy
from fivestep.assembly import Assembly
from fivestep.best import Best
from fivestep.checkpoint import Checkpoint
from fivestep.checkpoints.exact import Exact, SeededFeed
from fivestep.checkpoints.interval import Due, due
from fivestep.checkpoints.keeper import Keeper
from fivestep.checkpoints.likeness import likeness, order_of
from fivestep.checkpoints.marks import marked, place_of
from fivestep.checkpoints.nonfinite import buffers_of, mark_nonfinite
from fivestep.checkpoints.objects import begin, fingerprint, load_states, states
from fivestep.checkpoints.optimizers import loose
from fivestep.checkpoints.own import Noted
from fivestep.checkpoints.seeds import random_states, set_random_states
from fivestep.feeds import Around, Feed
from fivestep.interrupt import RESUME_ME
from fivestep.journal import Entry, Journal, versions
from fivestep.plan import Plan
from fivestep.run import Run

if TYPE_CHECKING:
    from fivestep.batches import Batches

# A change of these makes another training of it: what was saved does not belong to it.
_SAMPLES = ("fingerprint of the data", "fingerprint of the validation data")
_DECISIVE = (
    "seed", "accumulate", "overfit_one_batch", "samples", "batches", "order of the samples",
    *_SAMPLES,
)  # fmt: skip
_OTHER_SAMPLES = (
    "the samples are not those that it was saved with: other data, or a split or noise without a "
    "seed"
)
_FREE = ("length", "progress", "watch", "dry_run", "keep_best", "restore_best", "compile")


class Counting(Protocol):
    """What counts the iterations of a ``fit``: its course."""

    epoch: int
    iteration: int
    update: int

    @property
    def between_epochs(self) -> bool:
        """Tell whether no epoch is begun."""
        ...

    def state(self) -> dict[str, Any]:
        """Collect all that it counts."""
        ...

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Count on from there."""
        ...


class Leaving(SystemExit):
    """Ends the program with the code that says "start me again": 75. ``run`` is what was done."""

    def __init__(self, run: Run) -> None:
        super().__init__(RESUME_ME)
        self.run = run


class Saver:
    """The checkpoints of one ``fit``: read at its start, written as it goes.

    Args:
        checkpoint: what was asked for.

    Raises:
        OSError, DamagedError, LockedError: the folder cannot be used; why, and what to do.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._keeper = Keeper(
            checkpoint.folder, keep=checkpoint.keep, keep_best=checkpoint.keep_best,
            stops=checkpoint.failure == "stop", say=print,
        )  # fmt: skip
        self._best_saved: tuple[int, int] | None = None  # the iteration and update of that best
        self._due: Due | None = None
        self.anchors: Anchors | None = None
        self._factor = 1.0  # of the rates
        self._journal: Journal | None = None

    def arrange(
        self,
        plan: Plan,
        kit: Assembly,
        best: Best,
        run: Run,
        *,
        say: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        """Be told what the training consists of, before it begins.

        Args:
            plan: what is to be done.
            kit: the user's objects.
            best: the best weights.
            run: what is being made.
            say: shows a line of the progress.
            warn: shows a line also to somebody who wants no progress.
        """
        self._say, self._keeper.say, self._warn = say, warn, warn
        assert plan.seed is not None
        self._plan, self._kit, self._best, self._run, self._seed = plan, kit, best, run, plan.seed
        self._keeper.look(partial(mark_nonfinite, buffers=buffers_of(plan.model)))
        found = [_exact(plan.train), _exact(plan.validate)]
        self._exact = [one for one in found if one is not None]
        for one in self._exact:
            one.quiet = self._keeper.wait  # no process is forked while a thread is at work
        held_out = None if plan.validate is None else likeness(plan.validate)
        prints = dict(zip(_SAMPLES, (likeness(plan.train), held_out), strict=True))
        self._samples = {"order of the samples": order_of(plan.train)} | prints
        begin(self._objects)  # what a user has set between two trainings is a setting
        self._noted = Noted([], [])
        self._due = due(self.checkpoint.every, plan.lengths)
        self.anchors = None if plan.back is None else Anchors(plan.back, plan.lengths)

    @property
    def resumes(self) -> bool:
        """Tell whether there is something to go on from."""
        return self._keeper.found is not None

    @property
    def journal(self) -> Entry | None:
        """The record that was being written, and where it stood in what was saved."""
        return self._keeper.found and self._keeper.found.body.get("journal")

    @property
    def filmed(self) -> bool:
        """Tell whether there is a film to go on with."""
        return bool(self.journal and self.journal.get("film"))

    def note(self, journal: Journal | None) -> None:
        """Be told of the record, whose place is saved, too."""
        self._journal = journal

    def restore(self, course: Counting) -> None:
        """Put everything back as it was saved.

        Raises:
            ValueError: it was saved of another model, optimizer, data or seed; what differs.
        """
        assert self._keeper.found is not None
        self._compare(self._keeper.found.body)
        if (mark := marked(self._keeper.found.body)) is not None:
            self._best_saved = place_of(mark)
        given = self._keeper.restored() or {}
        about = self._keeper.found.body["about"]
        given["best"].setdefault("by", [about.get("monitor"), about.get("mode")])
        self._put_back(given, course)
        self._run.history[:] = given["history"]
        self._lower(given.get("back", {}).get("factor", 1.0))
        if self.anchors is not None:
            self.anchors.go_on_from(given)
            if not self.anchors.held:  # what was saved was not meant to be gone back to
                self._anchor(course)
        assert self._due is not None
        self._due.resumed()
        self._say(self._where(course))
        other = [*self._noted.other, *(text for one in self._exact for text in one.other)]
        if other:
            self._warn("; ".join(other))
        if bad := self._keeper.found.body.get("nonfinite"):
            self._warn(f"NaN or inf stands in the weights that were saved: {', '.join(bad[:8])}")

    def _put_back(self, given: dict[str, Any], course: Counting) -> None:
        self._noted = load_states(self._objects, given["objects"], strict=self.checkpoint.strict)
        for exact, state in zip(self._exact, given["data"], strict=False):
            exact.go_on_from(state)
        if not self._best.go_on_from(given["best"]):
            self._noted.other.append("the best is looked for anew, as another value is monitored")
        course.go_on_from(given["course"])
        set_random_states(given["random"])

    def _lower(self, factor: float) -> None:
        if self._kit.lowered is not None:
            self._kit.lowered.factor = self._factor = factor

    def go_back(self, course: Counting) -> int:
        """Put everything back as it was in the last good state, and lower the rates.

        Returns:
            How many entries the history had there.
        """
        assert self.anchors is not None
        self._keeper.wait()
        for exact in self._exact:
            exact.close()  # its workers have loaded ahead
        self._best_saved = None  # what was best after that place is taken out
        kept = copy.deepcopy(self.anchors.choose(course.iteration))
        self._put_back(kept, course)
        self.anchors.rewind(kept["back"])
        self.anchors.lower()
        self._lower(self.anchors.factor)
        return kept["entries"]

    def went_back(self, course: Counting) -> None:
        """Save at once that it was gone back, before the journal is cut.

        The journal is not to be relied upon by who goes on from here: it is written anew.
        """
        self.save(course, wait=True, journal=False)

    def _where(self, course: Counting) -> str:
        place = f"epoch {course.epoch}, iteration {course.iteration}, update {course.update}"
        note = next((one.note for one in self._exact[:1] if one.note), None)
        text = f"goes on from {place} ({self.checkpoint.folder})"
        forgotten = [part for one in (self._noted, *self._exact) for part in one.forgotten]
        if forgotten:
            text += f"; begins anew, as its place cannot be saved: {', '.join(forgotten)}"
        return f"{text}; {note}" if note else text

    def _compare(self, body: dict[str, Any]) -> None:
        """Refuse another training; say what else is not as it was."""
        if body.get("hand"):
            raise ValueError(
                f"checkpoint: {self.checkpoint.folder} was saved by a loop written by hand, and "
                "this is fit\n  do: name another folder"
            )
        saved, here = body["about"], self._about()
        wrong = [
            _OTHER_SAMPLES if name in _SAMPLES else _pair(name, saved, here)
            for name in _DECISIVE
            if name in saved and saved[name] != here.get(name)
        ]
        if wrong and self.checkpoint.strict:
            raise ValueError(
                f"checkpoint: {self.checkpoint.folder} was saved by another training\n  "
                + "\n  ".join(dict.fromkeys(wrong))
                + "\n  do: give the same again, or another folder for another training; "
                "fivestep.Checkpoint('DIR', strict=False) goes on in spite of it"
            )
        other = [
            _pair(name, saved, here)
            for name in {**saved, **here}
            if saved.get(name) != here.get(name) and name not in (*_DECISIVE, *_FREE)
        ]
        if wrong or other:
            self._warn(
                "not as it was when it was saved: " + "; ".join(dict.fromkeys(wrong + other))
            )

    def _about(self) -> Entry:
        setup = self._run.setup
        versions_now = {f"{name}'s version": v for name, v in _versions().items()}
        named = ("samples", "batches", "validation_samples", "loss_fn", "schedule")
        own = {name: setup[name] for name in named}
        own |= self._samples
        for number, group in enumerate(setup["optimizer_options"]):
            own |= {
                f"{name} of group {number} (the saved one is used)": group[name] for name in group
            }
        streams = [one.workers for one in self._exact[:1] if one.note]
        return setup["options"] | own | versions_now | {"workers of the stream": streams}

    @property
    def _objects(self) -> dict[str, Any]:
        plan, kit = self._plan, self._kit
        found: dict[str, Any] = {"model": plan.model, "loss_fn": plan.loss_fn}
        found = {label: one for label, one in found.items() if isinstance(one, nn.Module)}
        beside = loose(kit.optimizer, found)
        if beside is not None:
            found["parameters of no module"] = beside
        found["optimizer"] = kit.optimizer
        schedule = kit.schedule if kit.schedule is not None else plan.schedule
        others = {"schedule": schedule, "average": kit.average}
        return found | {label: one for label, one in others.items() if one is not None}

    def feed(self, batches: Batches, epoch: int, start: int) -> Feed:
        """Make the batches of an epoch, from ``start`` on, under their own random numbers."""
        if not start:
            for exact in self._exact:
                exact.begin()
        return SeededFeed(batches.epoch(epoch, start), self._seed, epoch, start)

    def boundary(self, course: Counting, *, epoch_ended: bool = False) -> str | None:
        """Save if it is due, between two iterations; return why the training must stop, if so."""
        assert self._due is not None
        counts: dict[str, int] = {
            "iteration": course.iteration, "update": course.update, "epoch": course.epoch,
        }  # fmt: skip
        if self.anchors is not None and self.anchors.due(**counts, epoch_ended=epoch_ended):
            self._anchor(course)
        now = self._due.now(**counts, epoch_ended=epoch_ended)
        best = self._newly_best(course) and self._due.early
        waits = self._due.asked if best else self._due.counted is not None
        if (now or best) and (waits or not self._keeper.busy):
            self.save(course)
        return self._keeper.problem

    def begin(self, course: Counting) -> None:
        """Save a first time, before the first iteration: what cannot be saved is told now.

        Raises:
            UnsaveableError, OSError: something cannot be saved; what, and what to do.
        """
        self._anchor(course)
        self._keeper.first(self._body(course), self._parts(course))

    def _anchor(self, course: Counting) -> None:
        """Keep the state as it stands to go back to, if it is a good one."""
        anchors = self.anchors
        if anchors is None or not (
            healthy(self._plan.model, self._plan.optimizer) or not anchors.held
        ):
            return
        anchors.keep(
            self._own_parts(course) | {"entries": len(self._run.history), "back": anchors.state()}
        )

    def save(self, course: Counting, *, wait: bool = False, journal: bool = True) -> None:
        """Save the state as it stands."""
        assert self._due is not None
        parts = partial(self._parts, course)
        body = self._body(course, journal=journal)
        self._keeper.save(body, parts, due=self._due, wait=wait)
        if "best" in body:
            self._best_saved = course.iteration, course.update

    def _newly_best(self, course: Counting) -> bool:
        here = course.iteration, course.update
        return self._at_best(course) is not None and self._best_saved != here

    def _at_best(self, course: Counting) -> Entry | None:
        """Say what is best about this place, if it is the best so far."""
        plan, record = self._plan, self._best.record
        if record is None or not self.checkpoint.keep_best or plan.dry_run:
            return None
        if (record["iteration"], record["update"]) != (course.iteration, course.update):
            return None
        value = float(self._best.value or 0.0)
        return {
            "monitor": plan.monitor, "value": value if math.isfinite(value) else str(value),
            "epoch": record["epoch"], "iteration": course.iteration, "update": course.update,
            "returns": len(self._run.returns),
        }  # fmt: skip

    def _body(self, course: Counting, *, journal: bool = True) -> Entry:
        parts = fingerprint(self._objects)
        here = None if self._journal is None else self._journal.place()
        if here is not None and not journal:
            here["bytes"] = 0  # it is written anew, from the history
        body = {"about": self._about(), "made of": parts, "journal": here}
        mark, returns = self._at_best(course), self._run.returns
        to = [{name: one[name] for name in ("iteration", "update")} for one in returns]
        return body | ({"best": mark} if mark else {}) | ({"returns": to} if to else {})

    def _parts(self, course: Counting) -> dict[str, Any]:
        found = self._own_parts(course) | {"history": self._run.history}
        if self.anchors is not None:
            return found | {"back": self.anchors.state()} | self.anchors.parts()
        return found if self._factor == 1.0 else found | {"back": {"factor": self._factor}}

    def _own_parts(self, course: Counting) -> dict[str, Any]:
        best_state, course_state = self._best.state(), course.state()
        return {
            "objects": states(self._objects),
            "best": best_state,
            "course": course_state,
            "data": [one.state(between=course.between_epochs) for one in self._exact],
            "random": random_states(),
        }

    def close(self) -> None:
        """Wait for the last save, and let others into the folder."""
        self._keeper.wait()
        for exact in self._exact:
            exact.close()

    def release(self) -> None:
        """Let others into the folder."""
        self._keeper.release()


@contextmanager
def saving(checkpoint: Checkpoint, *, trial: bool) -> Generator[Saver]:
    """Hold the folder. A ``trial`` writes to one of its own beside it, which is gone afterwards."""
    with ExitStack() as stack:
        if trial:
            checkpoint = copy.copy(checkpoint)
            beside = _existing(checkpoint.folder.absolute().parent)
            checkpoint.folder = Path(stack.enter_context(TemporaryDirectory(dir=beside)))
        saver = Saver(checkpoint)
        stack.callback(saver.release)
        yield saver


def _existing(folder: Path) -> Path:
    return folder if folder.exists() else _existing(folder.parent)


def _pair(name: str, saved: Entry, here: Entry) -> str:
    return f"{name} was {saved.get(name)!r} and is {here.get(name)!r}"


def _versions() -> Entry:
    return {name: value for name, value in versions().items() if name != "fivestep"}


def _exact(made: Batches | None) -> Exact | None:
    while isinstance(made, Around):
        if isinstance(made, Exact):
            return made
        made = made.made
    return None
