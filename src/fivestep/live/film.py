"""What a training shows of itself: a file of messages, written by a thread of its own.

The loop only appends to a queue. The thread puts iterations together into points, ever longer ones
as the run grows (``pace``), so that a million iterations make megabytes and not gigabytes. A full
disk or a fault of its own ends the film, never the training.
"""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fivestep.live.pace import Pace
from fivestep.live.places import COLUMNS, LAYERS
from fivestep.live.process import identity
from fivestep.loop import Moment, Step
from fivestep.page.protocol import VERSION, Message, encode

DIGITS = 9  # of a number: as many as a float32 has
POINTS = 2048  # written before several iterations share one
BROKEN = 64  # iterations with a loss that is no number which get a point of their own
QUEUE = 100_000  # iterations that may wait; of more, some are not shown
PAUSE = 0.1  # seconds between two rounds of the thread
HEARTBEAT = 5.0  # seconds between two touches of the file, which say that somebody is there
PATIENCE = 10.0  # seconds for what waits when the training is over
KINDS = ("data", *(step.value for step in Step), "other")


class Iterated(NamedTuple):
    """One iteration, as the loop tells it."""

    iteration: int
    epoch: int
    loss: float
    gradient_norm: float
    rate: float
    samples: int
    at: float  # seconds since the start
    wall: float  # seconds since the end of the one before
    spent: tuple[float, ...]  # of these, by kind, but the last
    update: Any  # the doctor's event with the norms of each layer, where it measured them


class Film:
    """Takes what happens from the training's thread; writes it from one of its own.

    Args:
        path: of a file that is not there yet.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: OSError | None = None
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self._queue: deque[tuple[str, Any]] = deque()
        self._spent = [0.0] * (len(KINDS) - 1)
        self._names: Any = None  # of the parameters, by number
        self.began = self._last = time.perf_counter()
        self._begun = False
        self._over = threading.Event()
        self._writer = _Writer(self._append)
        self._thread = threading.Thread(target=self._run, name="fivestep film", daemon=True)
        self._thread.start()

    # -- in the training's thread -----------------------------------------------------------------

    def data(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Hand on batches; note how long each was waited for."""
        spent, clock = self._spent, time.perf_counter
        if not self._begun:  # what was done before the first batch belongs to no iteration
            self._begun, self.began = True, clock()
            self._last = self.began
        while True:
            began = clock()
            try:
                batch = next(batches)
            except StopIteration:
                return
            seconds = clock() - began
            spent[0] += seconds
            spent[1] -= seconds  # it was waited for on the way to the forward
            yield batch

    def moments(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Hand on moments; note how long each step took."""
        spent, clock = self._spent, time.perf_counter
        began = clock()
        for moment in moments:
            spent[_PLACES[moment.step]] += clock() - began
            yield moment
            began = clock()

    def iterated(
        self, iteration: int, epoch: int, loss: float, gradient_norm: float, rate: float,
        samples: int, update: Any = None,
    ) -> None:  # fmt: skip
        """An iteration is done."""
        now = time.perf_counter()
        spent, self._last, wall = tuple(self._spent), now, now - self._last
        self._spent[:] = _NOTHING
        if len(self._queue) < QUEUE:
            one = Iterated(
                iteration, epoch, loss, gradient_norm, rate, samples, now - self.began, wall,
                spent, update,
            )  # fmt: skip
            self._queue.append(("iteration", one))

    def say(self, kind: str, fields: Message) -> int:
        """Tell anything else; its number is not known yet."""
        self._queue.append((kind, fields))
        return 0

    def name_layers(self, parameters: Any) -> None:
        """Where the names of the parameters stand."""
        self._writer.parameters = parameters

    def close(self) -> None:
        """Write what waits, and end."""
        self._over.set()
        self._thread.join(PATIENCE)

    def discard(self) -> None:
        """End, and remove the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    # -- in its own -------------------------------------------------------------------------------

    def _run(self) -> None:
        beat = time.monotonic()
        try:
            while not self._over.wait(PAUSE):
                self._drain()
                if time.monotonic() - beat > HEARTBEAT:
                    beat = time.monotonic()
                    os.utime(self.path)
            self._drain()
            self._writer.flush()
        except OSError as error:
            self.failure = error
        except Exception as error:  # ours: it must not cost the training anything
            self.failure = OSError(f"{type(error).__name__}: {error}")
        finally:
            self._queue = deque(maxlen=0)  # nobody takes from it any more
            os.close(self._file)

    def _drain(self) -> None:
        queue = self._queue
        while queue:
            kind, told = queue.popleft()
            self._writer.take(kind, told)
        self._writer.round(time.perf_counter() - self.began)

    def _append(self, line: bytes) -> None:
        waiting = memoryview(line)
        while waiting:
            waiting = waiting[os.write(self._file, waiting) :]


class _Writer:
    """Puts iterations together, and gives every message its number."""

    def __init__(self, append: Any) -> None:
        self._append = append
        self.parameters: Any = None
        self._seq = self._broken = self._entries = 0
        self._points, self._columns = Pace(POINTS), Pace(COLUMNS, clocked=False)
        self._entry_pace = Pace(POINTS, clocked=False)
        self._window: list[Iterated] = []
        self._last_entry: Message | None = None  # that was not written
        self._updates: list[Iterated] = []  # measured, and perhaps still on their way

    def take(self, kind: str, told: Any) -> None:
        """Write a message, or keep an iteration for the next point."""
        if kind == "iteration":
            self._add(told)
        elif kind == "entry":
            self._entry(told)
        else:
            if kind == "end":
                self.flush()
            self._write(kind, told)

    def round(self, seconds: float) -> None:
        """Write a point that the clock asks for."""
        if self._window and self._points.due(self._window[-1].iteration, seconds):
            self._point()

    def flush(self) -> None:
        """Write what was kept."""
        if self._window:
            self._point()
        if self._last_entry is not None:
            self._write("entry", self._last_entry)
            self._last_entry = None

    def _add(self, one: Iterated) -> None:
        self._window.append(one)
        broken = not math.isfinite(one.loss) and self._broken < BROKEN
        self._broken += broken
        if one.update is not None and self._columns.due(one.iteration):
            self._updates.append(one)
        if self._points.due(one.iteration, one.at) or broken:
            self._point()

    def _point(self) -> None:
        window, self._window = self._window, []
        last, count = window[-1], len(window)
        finite = [one.loss for one in window if math.isfinite(one.loss)]
        wall = sum(one.wall for one in window)
        told: Message = {
            "iteration": last.iteration, "epoch": last.epoch, "at": _figure(last.at, 6),
            "loss": _figure(sum(finite) / len(finite) if finite else last.loss),
            "rate": _figure(last.rate),
            "gradient_norm": _figure(_largest(one.gradient_norm for one in window)),
            "layers": [], "seconds": _shares(window, wall),
            "samples_per_second": _figure(sum(one.samples for one in window) / max(wall, 1e-9), 4),
        }  # fmt: skip
        if count > 1:
            told |= {"count": count}
        if len(finite) > 1:
            told |= {"low": _figure(min(finite)), "high": _figure(max(finite))}
        if finite and len(finite) < count:
            told |= {"broken": count - len(finite)}
        self._write("iteration", told)
        self._write_columns()

    def _write_columns(self) -> None:
        """A column is a message of its own: it belongs to one iteration, a point to several."""
        waiting, self._updates = self._updates, []
        for one in waiting:
            if one.update.norms is None:  # not yet read from the device
                self._updates.append(one)
                continue
            rows = [self._ratio(norm) for norm in one.update.norms[:LAYERS]]
            self._write("layers", {"iteration": one.iteration, "layers": rows})
        del self._updates[:-COLUMNS]

    def _ratio(self, norm: Any) -> list[Any]:
        name = self.parameters[norm.parameter].name if self.parameters else str(norm.parameter)
        ratio = norm.update / norm.weight if norm.weight else 0.0
        known = ratio > 0 and math.isfinite(ratio)
        return [name, round(math.log10(ratio), 3) if known else None]

    def _entry(self, entry: Message) -> None:
        self._entries += 1
        if self._entry_pace.due(self._entries):
            self._write("entry", entry)
            self._last_entry = None
        else:
            self._last_entry = entry

    def _write(self, kind: str, fields: Message) -> None:
        self._seq += 1
        line = encode({"v": VERSION, "seq": self._seq, "kind": kind} | fields)
        self._append(line + b"\n")


_PLACES = {step: place for place, step in enumerate(Step, start=1)}
_NOTHING = [0.0] * (len(KINDS) - 1)


def _largest(norms: Iterable[float]) -> float:
    """The largest; NaN if one of them is: that is larger than any (``max`` goes by the order)."""
    return max(norms, key=lambda one: math.inf if math.isnan(one) else one)


def _figure(value: float, digits: int = DIGITS) -> float | str:
    if math.isfinite(value):
        return float(f"{value:.{digits}g}")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _shares(window: list[Iterated], wall: float) -> dict[str, float]:
    """Seconds of an iteration by kind, their mean; what no step took is ``other``."""
    count = len(window)
    sums = [max(sum(parts), 0.0) for parts in zip(*(one.spent for one in window), strict=True)]
    sums.append(max(wall - sum(sums), 0.0))
    return {name: float(f"{part / count:.3g}") for name, part in zip(KINDS, sums, strict=True)}


def hello(run: str, setup: Message, seed: int | None) -> Message:
    """The first message of a film."""
    return {
        "run": run, "script": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "",
        "arguments": [], "sources": [], "mode": "watch", "knobs": {},
        "versions": setup.get("versions", {}), "setup": setup, "seed": seed,
        "began": round(time.time(), 3), "process": identity(),
    }  # fmt: skip
