"""A run as messages, read while it grows: its film, or what its journal and its vitals hold."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fivestep.journal import FORMAT, read_lines
from fivestep.live.pace import Pace
from fivestep.live.places import COLUMNS, LAYERS, PAGE, beside
from fivestep.live.process import lives
from fivestep.page.protocol import VERSION, Message, file_name, number, placed
from fivestep.vitals.codec import VITALS, load
from fivestep.vitals.codec import beside as vitals_beside
from fivestep.vitals.events import Update

TAKEN_BACK = "nothing was trained, and the record was taken back: the training's own words say why"
TAIL = 256  # bytes by which a place in a file is known again
QUIET = 30.0  # seconds without a sign of life, where nobody can look for the process


def runs_in(folder: Path) -> list[Path]:
    """The journals in a directory, the oldest first."""
    files = [one for one in folder.glob("*.jsonl") if not one.name.endswith((VITALS, PAGE))]
    return sorted(files, key=lambda one: (one.stat().st_mtime_ns, one.name))


def find(path: Path) -> Path:
    """The journal that is meant: a file, or the newest in a directory.

    Raises:
        FileNotFoundError: there is none.
    """
    if path.name.endswith(PAGE):
        path = path.with_name(path.name.removesuffix(PAGE) + ".jsonl")
    if path.is_dir():
        found = runs_in(path)
        if not found:
            raise FileNotFoundError(
                f"there is no run (*.jsonl) in {path}\n"
                "  do: record one with fit(..., page=True) or fit(..., record=...)"
            )
        return found[-1]
    if not path.exists() and not beside(path).exists():
        raise FileNotFoundError(
            f"{path} is not there\n"
            "  do: record one with fit(..., page=True) or fit(..., record=...), or name where it is"
        )
    return path


class Reading:
    """One run, message by message.

    Args:
        journal: its file, which may still grow.

    Raises:
        ValueError: it is no record of a run.
    """

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.filmed = beside(journal).exists()
        self._lines = _Lines(beside(journal) if self.filmed else journal)
        self._told: Message | None = None  # that the writer has gone
        self.process: Message = {}
        self.ended = self._gone = False
        self.iteration = 0
        self.anew = False  # the last news tell the run from its beginning once more
        self.damaged: list[str] = []  # what of the last news could not be read, in words
        self._heard = False

    def news(self) -> list[Message]:
        """The messages that have come since the last call, without numbers of their own.

        A run that went on from a checkpoint has taken back what came after it: what was read may be
        among that, and then all of it is told again, and ``anew`` is true.
        """
        try:
            lines = list(self._lines.new())
        except FileNotFoundError:
            return self._gone_now()
        if not self._heard and not self.filmed and beside(self.journal).exists():
            self.filmed, self._lines = True, _Lines(beside(self.journal))  # it was made just now
            lines = list(self._lines.new())
        self.anew, self._lines.anew = self._lines.anew, False
        if self.anew:
            self.ended, self._told, self.iteration = False, None, 0
        damaged, self._lines.damaged = self._lines.damaged, []
        self.damaged = [_damaged(self._lines.path, number) for number in damaged]
        self._gone = False
        found: list[Message] = []
        for line in lines:
            found += [line] if self.filmed else list(self._translated(line))
        found += [_note(self._lines.path, number) for number in damaged]
        for one in found:
            self._note(one)
        return found

    def _gone_now(self) -> list[Message]:
        self.anew = False
        if not self._heard:
            raise FileNotFoundError(f"{self.journal} is not there any more")
        gone, self._gone = self._gone, True
        if gone or self.ended:
            return []
        self.ended = True
        return [{"v": VERSION, "kind": "end", "reason": "failed", "message": TAKEN_BACK}]

    def silence(self) -> Message | None:
        """Say that nobody writes any more, if that is so and was not said; or that somebody does.

        Returns:
            ``dead`` is True where the process is known to be gone, and False where nothing but its
            silence is known; ``seconds`` is the age of its last sign of life.
        """
        told: Message | None = None
        if not self.ended and self._heard:
            alive = lives(self.process)
            age = time.time() - self._lines.touched()
            if alive is False or (alive is None and age > QUIET):
                told = {"dead": alive is False, "iteration": self.iteration}
                told |= {"seconds": round(age), "kind": "silence"}
        if _same(told, self._told):
            return None
        self._told = told
        return told or {"kind": "silence", "dead": False, "iteration": self.iteration, "over": True}

    @property
    def heard(self) -> bool:
        """The run has said what it is."""
        return self._heard

    @property
    def over(self) -> bool:
        """Nobody will write any more, as far as that is known."""
        return self.ended or (self._heard and lives(self.process) is False)

    def _note(self, message: Message) -> None:
        kind = message["kind"]
        if kind == "hello":
            self._heard, self.process = True, message.get("process", {})
        elif kind == "resumed":
            self.process = message.get("process", {})
        elif kind == "end":
            self.ended = True
        elif kind in ("iteration", "entry"):
            self.iteration = max(self.iteration, message["iteration"])

    # -- a run without a film ---------------------------------------------------------------------

    def _translated(self, line: Message) -> Iterator[Message]:
        kind = line.get("kind")
        if not self._heard and not (kind == "start" and _has_form(line)):
            raise ValueError(_no_record(self.journal))
        self._heard = True
        if kind == "end":
            yield from self._vitals()
        yield from translated(line, self.journal.stem)

    def _vitals(self) -> Iterator[Message]:
        path = vitals_beside(self.journal)
        if path.exists():
            yield from _from_vitals(path)


def translated(line: Message, name: str) -> Iterator[Message]:
    """A line of a journal as messages: what a film would have told."""
    kind = line.get("kind")
    told = {key: value for key, value in line.items() if key not in ("kind", "report")}
    if kind == "start":
        yield {
            "v": VERSION, "kind": "hello", "run": name, "script": "", "arguments": [],
            "sources": [], "mode": "watch", "knobs": {}, "seed": line.get("seed"),
            "versions": line["setup"].get("versions", {}), "setup": line["setup"],
            "began": None, "process": {},
        }  # fmt: skip
    elif kind == "record":
        yield {"v": VERSION, "kind": "entry"} | told
    elif kind == "end":
        report = line.get("report")
        for one in report["findings"] if report else []:
            yield {"v": VERSION, "kind": "finding"} | placed(one, file_name)
        yield {"v": VERSION, "kind": "end"} | told


def _has_form(start: Message) -> bool:
    return start.get("format", 0) <= FORMAT and isinstance(start.get("setup"), dict)


class _Lines:
    """The whole lines of a file that grows, and that may be cut and grow again."""

    def __init__(self, path: Path) -> None:
        self.path, self._place, self._rest, self._tail = path, 0, b"", b""
        self.anew = False  # it was cut: what was read is told again
        self._number = 0  # of the line that was read last
        self.damaged: list[int] = []  # the numbers of those that are no messages

    def new(self) -> Iterator[Message]:
        with self.path.open("rb") as file:
            if not self._still(file):
                self._place, self._rest, self._tail, self.anew = 0, b"", b"", True
                self._number, self.damaged = 0, []
            file.seek(self._place)
            text = file.read()
        self._place += len(text)
        self._tail = (self._tail + text[-TAIL:])[-TAIL:]
        *lines, self._rest = (self._rest + text).split(b"\n")
        for line in lines:
            self._number += 1
            try:
                found = json.loads(line)
                if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
                    raise ValueError("not a message")
            except ValueError as error:
                if self._number == 1:  # that says what the file is
                    raise ValueError(_no_record(self.path)) from error
                self.damaged.append(self._number)
                continue
            yield found

    def _still(self, file: BinaryIO) -> bool:
        """What was read last still stands where it was; its times make it like no other."""
        file.seek(self._place - len(self._tail))
        return file.read(len(self._tail)) == self._tail

    def touched(self) -> float:
        try:
            return self.path.stat().st_mtime
        except OSError:
            return time.time()


def _from_vitals(path: Path) -> Iterator[Message]:
    """What the doctor kept: the losses, ever thinner, and the layers of some iterations."""
    record = load(path)
    series = record.training()
    points = dict(series.points + series.recent) if series is not None else {}
    for iteration, loss in sorted(points.items()):
        yield _iteration(iteration, loss)
    pace = Pace(COLUMNS, clocked=False)
    for vitals, update in record.events(Update):
        if update.norms and pace.due(vitals.iteration):
            rows = [
                [record.parameters[one.parameter].name, _log_ratio(one.update, one.weight)]
                for one in update.norms[:LAYERS]
            ]
            yield {"v": VERSION, "kind": "layers", "iteration": vitals.iteration, "layers": rows}


def _iteration(iteration: int, loss: float) -> Message:
    return {
        "v": VERSION, "kind": "iteration", "iteration": iteration, "loss": number(loss),
        "rate": None, "gradient_norm": None, "layers": [], "seconds": {},
    }  # fmt: skip


def _log_ratio(update: float, weight: float) -> float | None:
    ratio = update / weight if weight else 0.0
    return round(math.log10(ratio), 3) if ratio > 0 and math.isfinite(ratio) else None


def _same(one: Message | None, other: Message | None) -> bool:
    if one is None or other is None:
        return one is other
    return one["dead"] == other["dead"] and one["iteration"] == other["iteration"]


def _damaged(path: Path, number: int) -> str:
    return (
        f"{path}, line {number} is damaged and left out; what can be read is shown\n"
        "  do: copy the file again, if it was copied"
    )


def _note(path: Path, number: int) -> Message:
    words = _damaged(Path(path.name), number).partition("\n")[0]
    return {"v": VERSION, "kind": "note", "level": "warning", "text": words}


def begun(journal: Path) -> bool:
    """Tell whether something was written of a run: a whole line."""
    return any(_has_line(path) for path in (journal, beside(journal)))


def _has_line(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.readline().endswith(b"\n")
    except OSError:
        return False


def empty(journal: Path) -> str:
    """Say that nothing was written of a run."""
    return (
        f"{journal} is empty: nothing was written to it, or not yet\n"
        "  do: wait for its training, or name another record"
    )


def _no_record(path: Path) -> str:
    return f"{path} is no record of a run\n  do: name what fit(record=...) or fit(page=True) wrote"


def is_of_step(path: Path) -> bool:
    """Tell whether a file is a record of ``fivestep step``."""
    if not path.is_file():
        return False
    try:
        first = next(read_lines(path), {})
    except (ValueError, UnicodeDecodeError):
        return False
    return first.get("kind") == "hello" and first.get("mode") != "watch"
