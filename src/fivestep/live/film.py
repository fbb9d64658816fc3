"""What a training shows of itself: a file of messages, written by a thread of its own.

The loop only appends to a queue. The thread puts iterations together (``points``), ever more as the
run grows (``pace``), so that a million iterations make megabytes and not gigabytes. A full disk or
a fault of its own ends the film, never the training.

A training that saves itself notes the ``place`` of its film with what it saves. To go on from there
is to ``cut`` the film to that place, and nothing is missing or told twice.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from fivestep.live.points import KINDS, Iterated, Writer
from fivestep.live.process import identity
from fivestep.loop import Moment, Step
from fivestep.page.protocol import Message

QUEUE = 100_000  # iterations that may wait; of more, some are not shown
PAUSE = 0.1  # seconds between two rounds of the thread
HEARTBEAT = 5.0  # seconds between two touches of the file, which say that somebody is there
PATIENCE = 10.0  # seconds for what waits when the training is over
_PLACES = {step: place for place, step in enumerate(Step, start=1)}
_NOTHING = [0.0] * (len(KINDS) - 1)


class Film:
    """Takes what happens from the training's thread; writes it from one of its own.

    Args:
        path: of a file that is not there yet.
        there: the file is there, and is to be cut at once.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self, path: Path, *, there: bool = False) -> None:
        self.path = path
        self.failure: OSError | None = None
        new = 0 if there else os.O_CREAT | os.O_EXCL
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | new, 0o644)
        self._last_line = b""
        self._queue: deque[tuple[str, Any]] = deque()
        self._spent = [0.0] * (len(KINDS) - 1)
        self.began = self._last = time.perf_counter()
        self._begun = self._ended = False
        self._over, self._lock = threading.Event(), threading.Lock()
        self._writer = Writer(self._append)
        self._thread = threading.Thread(target=self._run, name="fivestep film", daemon=True)
        self._thread.start()

    # -- in the training's thread -----------------------------------------------------------------

    def data(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Hand on batches; note how long each was waited for."""
        spent, clock = self._spent, time.perf_counter
        if not self._begun:  # what was done before the first batch belongs to no iteration
            self._begun, self._last = True, clock()
            self.began = self._last - self._writer.seconds
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

    @property
    def iteration(self) -> int:
        """The last that was written or kept for a point."""
        return self._writer.iteration

    def place(self) -> Message | None:
        """Write all that was told, and say where this film then stands; None if it has failed.

        What it returns is plain JSON, and what ``cut`` goes back to.
        """
        with self._lock:
            if self._ended or not self._safely(self._drain) or not self._safely(self._note):
                return None
            return self._noted

    def cut(self, to: Message | None) -> bool:
        """Forget what was told after a place, and go on from there.

        Returns:
            Whether this is the film of that place. If it is not, nothing has changed.
        """
        with self._lock:
            if self._ended or self.failure is not None or to is None:
                return False
            try:
                return self._cut(to)
            except OSError as error:  # the film is over, and the training goes on
                self.failure = error
                return False

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
        while not self._over.wait(PAUSE) and self.failure is None:
            with self._lock:
                self._safely(self._drain)
            if time.monotonic() - beat > HEARTBEAT:
                beat = time.monotonic()
                self._safely(lambda: os.utime(self.path))
        with self._lock:
            self._safely(self._drain)
            self._safely(self._writer.flush)
            self._ended = True
            self._queue = deque(maxlen=0)  # nobody takes from it any more
            os.close(self._file)

    def _safely(self, act: Callable[[], None]) -> bool:
        """Do it, unless something has failed before."""
        if self.failure is None:
            try:
                act()
            except OSError as error:
                self.failure = error
            except Exception as error:  # ours: it must not cost the training anything
                self.failure = OSError(f"{type(error).__name__}: {error}")
        return self.failure is None

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
        self._last_line = line

    # -- places -----------------------------------------------------------------------------------

    def _note(self) -> None:
        state = self._writer.state()  # first: it may write
        line = self._last_line
        self._noted: Message = {
            "bytes": os.fstat(self._file).st_size, "last": [len(line), zlib.crc32(line)],
            "state": state,
        }  # fmt: skip

    def _cut(self, to: Message) -> bool:
        line = self._line_before(to)
        if not line or [len(line), zlib.crc32(line)] != to["last"]:
            return False  # another film has begun under this name: its last line there is another
        os.ftruncate(self._file, to["bytes"])
        self._queue.clear()
        self._last_line = line
        self._writer.restore(to["state"])
        return True

    def _line_before(self, place: Message) -> bytes:
        length = place["last"][0]
        if place["bytes"] < length:
            return b""
        with self.path.open("rb") as file:
            file.seek(place["bytes"] - length)
            return file.read(length)


def hello(run: str, setup: Message, seed: int | None) -> Message:
    """The first message of a film."""
    return {
        "run": run, "script": Path(sys.argv[0]).name if sys.argv and sys.argv[0] else "",
        "arguments": [], "sources": [], "mode": "watch", "knobs": {},
        "versions": setup.get("versions", {}), "setup": setup, "seed": seed,
        "began": round(time.time(), 3), "process": identity(),
    }  # fmt: skip
