"""The same moments, overheard from a loop that somebody else wrote.

    with fivestep.listen() as doctor:
        main()
    print(doctor.report())

Nothing in the loop changes: losses and weights are the same to the last bit, no random number is
drawn and no device is waited for. If fivestep itself fails, it says so in the report, stops
listening, and the program goes on.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from torch import nn

from fivestep.listen.ears import Ears
from fivestep.vitals import Record

_open: weakref.WeakSet[Ears] = weakref.WeakSet()


def _after_fork() -> None:
    for ears in list(_open):  # a worker of a DataLoader trains nothing
        ears.on = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def listening() -> bool:
    """Somebody is listening already."""
    return any(ears.on for ears in list(_open))


@contextmanager
def unheard() -> Generator[None]:
    """Let nobody hear what happens inside: a trial on purpose, that is no part of the training."""
    hearing = [ears for ears in list(_open) if ears.on]
    for ears in hearing:
        ears.recorder()  # ends the short way of comparing, which does not ask whether it is on
        ears.on = False
    try:
        yield
    finally:
        for ears in hearing:
            ears.on = ears.problem is None


class Listener:
    """Hears what happens between ``with`` and its end; ``record`` holds it then."""

    def __init__(self, models: tuple[nn.Module, ...], optimizers: tuple[Any, ...]) -> None:
        self._ears = Ears(models, optimizers)
        self._records: list[Record] | None = None

    def start(self) -> Self:
        """Begin to listen, where the loop lies in several cells and no ``with`` can hold it."""
        _open.add(self._ears)
        self._ears.open()
        return self

    def stop(self) -> None:
        """Stop listening."""
        self._ears.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        if error is not None and not isinstance(error, (SystemExit, KeyboardInterrupt)):
            for record in self.records:
                record.ended = f"{type(error).__name__}: {error}"

    def hear_reads(self) -> None:
        """Hear reads from an accelerator though this machine has none: practice has a stand-in."""
        self._ears.reads = True

    @property
    def records(self) -> list[Record]:
        """One for each thread that did something, the one with the most iterations first."""
        if self._records is None or self._ears.on:
            records: list[Record] = []
            for recorder in self._ears.recorders:
                try:
                    records.append(recorder.finish())
                except Exception as error:
                    self._ears.failed(error)
            records.sort(key=lambda one: -one.length)
            self._records = records or [Record()]
            if self._ears.problem is not None:
                self._records[0].problems.append(describe(self._ears.problem))
        return self._records

    @property
    def record(self) -> Record:
        """What was overheard."""
        return self.records[0]


def describe(error: BaseException) -> str:
    """Say where fivestep itself failed."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({trace.tb_frame.f_code.co_name}, line {trace.tb_lineno})" if trace else ""
    return f"{type(error).__name__}: {error}{place}"
