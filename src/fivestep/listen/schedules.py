"""Learning-rate schedules: their making and their ``step``."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from torch.optim import lr_scheduler

from fivestep.listen.patches import Patches, around
from fivestep.listen.site import here

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class Schedules:
    """Hears schedules, not those that a schedule steps itself."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._stream = ears, ears.stream

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        kinds = [one for one in vars(lr_scheduler).values() if isinstance(one, type)]
        for kind in kinds:
            if issubclass(kind, lr_scheduler.LRScheduler):
                if "step" in vars(kind):
                    patches.replace(kind, "step", self._hear)
                if "__init__" in vars(kind):
                    patches.replace(kind, "__init__", self._hear_making)

    def _hear(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._ears.recorder(), self._stream
            if recorder is None or stream.scheduling:
                return None
            stream.scheduling += 1
            return recorder, args[0], _rates(args[0])

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, scheduler, rates = token
            self._stream.scheduling -= 1
            if error is None:
                self._ears.note(recorder.schedules.stepped, scheduler, rates, _rates(scheduler))

        return around(original, before, after, self._ears.failed)

    def _hear_making(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._ears.recorder(), self._stream
            if recorder is None or stream.scheduling:
                return None
            stream.scheduling += 1  # its first step belongs to it
            return recorder, args[0]

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, scheduler = token
            self._stream.scheduling -= 1
            if error is None:
                recorder.schedules.made(scheduler, here(sys._getframe(2)))

        return around(original, before, after, self._ears.failed)


def _rates(scheduler: Any) -> tuple[float, ...]:
    groups: Any = getattr(getattr(scheduler, "optimizer", None), "param_groups", ())
    return tuple(float(g["lr"]) for g in groups if isinstance(g.get("lr"), (int, float)))
