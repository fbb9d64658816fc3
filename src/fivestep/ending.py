"""What follows the training of one rank, once: its report, even if it is told to end before.

A launcher that sees one rank fail ends the others with SIGTERM, and rank 0 may be among those. Left
alone that would take the report with it. So the signal is answered with the report, and then with
the end that it asks for. A rank that hangs in C, in a collective whose partner is gone, does not
come to answer; a thread answers for it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from fivestep.finding import Report
from fivestep.listen import Listener
from fivestep.ranks import HURRIED, PATIENCE, Meeting
from fivestep.vitals import Record

STUCK = 3.0  # seconds without an answer to a signal, after which Python does not run

_process: int | None = None  # the one that answers; its children are ended as ever


class Ending:
    """The report of one rank, or of all of them, told once whoever asks for it first."""

    def __init__(
        self,
        doctor: Listener,
        meeting: Meeting | None,
        *,
        diagnose: Callable[[Record], Report],
        tell: Callable[[Report], None],
    ) -> None:
        self._doctor, self._meeting = doctor, meeting
        self._diagnose, self._tell = diagnose, tell
        self._once = threading.Lock()

    def report(self, *, failed: bool = False) -> Report | None:
        """Hand in the report of this rank, and tell that of all if it is for this one to do.

        Args:
            failed: this rank ended with an error, so the others may hang and never answer.
        """
        if not self._once.acquire(blocking=False):
            return None
        report: Report | None = self._diagnose(self._doctor.record)
        if self._meeting is not None:
            report = self._meeting.told(report, patience=HURRIED if failed else PATIENCE)
        if report is not None:
            self._tell(report)
        return report

    @contextmanager
    def even_if_terminated(self) -> Generator[None]:
        """Report also if SIGTERM comes. A script's own handler of that signal takes its place."""
        if self._meeting is None or not _is_free():
            yield
            return
        _answer_here()
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._terminated)
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            if signal.getsignal(signal.SIGTERM) == self._terminated:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.close(writer)  # ends the thread

    def _terminated(self, number: int, frame: Any) -> None:
        if self._once.locked():  # the script is at its end, and the others are being waited for
            assert self._meeting is not None
            self._meeting.hurry()
            return
        self._cut_short()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    def _watch(self, reader: int) -> None:
        """In a thread: every signal writes its number, though Python may not come to answer it."""
        while told := os.read(reader, 1):
            if told[0] == signal.SIGTERM:
                time.sleep(STUCK)
                if not self._once.locked():
                    self._cut_short()
                    # Only the main thread may set a handler, and that one hangs.
                    ctypes.pythonapi.PyOS_setsig(signal.SIGTERM, None)
                    os.kill(os.getpid(), signal.SIGTERM)
        os.close(reader)

    def _cut_short(self) -> None:
        self._doctor.stop()
        self._doctor.record.ended = "SIGTERM, from outside"
        self.report(failed=True)


def _is_free() -> bool:
    main = threading.current_thread() is threading.main_thread()
    return main and os.name == "posix" and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def _answer_here() -> None:
    """Answer in this process, and in none that is forked from it: workers are ended as ever."""
    global _process
    if _process is None:
        os.register_at_fork(after_in_child=_forget)
    _process = os.getpid()


def _forget() -> None:
    if _process is not None and threading.current_thread() is threading.main_thread():
        signal.set_wakeup_fd(-1)
        if isinstance(getattr(signal.getsignal(signal.SIGTERM), "__self__", None), Ending):
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
