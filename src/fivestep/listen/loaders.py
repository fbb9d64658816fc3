"""``DataLoader``: its epochs and batches."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from torch.utils.data import dataloader

from fivestep.listen.patches import Patches, around
from fivestep.listen.site import here
from fivestep.vitals.quick import BATCH

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


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
        ears, stream = self._ears, self._ears.stream

        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            number = getattr(args[0], "_fivestep_loader", None)
            if number is None or stream.busy or stream.backwards or not ears.on:
                return None
            return number, time.perf_counter(), sys._getframe(2)

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            number, began, frame = token
            recorder, seconds = stream.recorder, time.perf_counter() - began
            if (
                recorder is not None
                and recorder.quick.active
                and error is None
                and recorder.quick.batch(number, frame)
            ):
                recorder.record.loaders[number].waited += seconds
                return
            recorder = ears.recorder()
            if recorder is None:
                return
            if error is None:
                ears.note(recorder.loading.batch, number, result, seconds)
                recorder.quick.learn((BATCH, id(frame.f_code), frame.f_lasti, number))
            elif isinstance(error, StopIteration):
                ears.note(recorder.loading.ended, number)

        return around(original, before, after, ears.failed)
