"""``DataLoader``: its epochs and batches."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch.utils.data import dataloader

from fivestep.listen.patches import Patches, around
from fivestep.listen.site import here
from fivestep.listen.stream import Clocks, Stream, clocks
from fivestep.vitals.quick import BATCH

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears
    from fivestep.vitals.record import LoaderFacts


class Loaders:
    """Hears loaders."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        patches.replace(dataloader._BaseDataLoaderIter, "__next__", self._hear_next)
        patches.replace(dataloader.DataLoader, "__iter__", self._hear_iter)

    def _hear_iter(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._ears.recorder()
            return None if recorder is None else (recorder, args[0])

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, loader = token
            if error is None:
                number = recorder.loading.epoch(loader, here(sys._getframe(2)))
                # Remembered on the iterator itself: an id would be given to another one later.
                result._fivestep_loader = number

        return around(original, before, after, self._ears.failed)

    def _hear_next(self, original: Any) -> Any:
        ears, streams = self._ears, self._ears.streams

        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            number, stream = getattr(args[0], "_fivestep_loader", None), streams.now
            if number is None or stream.busy or stream.backwards or not ears.on:
                return None
            pace = _Pace(args[0], stream)
            stream.busy += 1  # the data set may call modules of its own: transforms, mostly
            return number, pace, sys._getframe(2)

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            number, pace, frame = token
            seconds, busy = pace.arrived()
            stream = streams.now
            stream.busy -= 1
            recorder = stream.recorder
            key = (BATCH, frame.f_code, frame.f_lasti, number)
            if (
                recorder is not None
                and recorder.quick.active
                and error is None
                and recorder.quick.meets(key)
            ):
                recorder.record.loaders[number].waited += seconds
                pace.note(recorder.record.loaders[number])
                return
            recorder = ears.recorder()
            if recorder is None:
                return
            if error is None:
                ears.note(recorder.loading.batch, number, result, seconds, busy)
                recorder.quick.learn(key)
                pace.note(recorder.record.loaders[number])
            elif isinstance(error, StopIteration):
                ears.note(recorder.loading.ended, number)

        return around(original, before, after, ears.failed)


class _Pace:
    """How long a batch takes, and how long the loop was at work since the one before it."""

    __slots__ = ("_began", "_iterator", "_stream", "_waited", "_worked")

    def __init__(self, iterator: Any, stream: Stream) -> None:
        self._iterator, self._stream, self._began = iterator, stream, clocks()
        given: Clocks | None = getattr(iterator, "_fivestep_given", None)
        # What we measure ourselves is no work of the loop.
        self._worked = None if given is None else self._began.minus(stream.own).minus(given)
        self._waited = self._began

    def arrived(self) -> Clocks:
        """The seconds that were waited."""
        self._waited = clocks().minus(self._began)
        return self._waited

    def note(self, facts: LoaderFacts) -> None:
        """Write it down; from now on the loop is at work."""
        waited, worked = self._waited, self._worked
        if worked is not None and facts.batches > 2:  # the first iteration warms up, and compiles
            facts.paced += 1
            facts.paced_waited += waited.wall
            facts.paced_waited_busy += waited.busy
            facts.paced_worked += worked.wall
            facts.paced_worked_busy += worked.busy
        self._iterator._fivestep_given = clocks().minus(self._stream.own)
