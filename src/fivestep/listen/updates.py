"""Optimizers: ``step``, by the hooks that PyTorch has for it, and their making."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from fivestep.listen.patches import Patches, around
from fivestep.listen.site import here
from fivestep.vitals.quick import update_key
from fivestep.vitals.recorder import Recorder

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears

_EXPECTED = object()  # an update that went as it was expected to


class Updates:
    """Hears the outermost update of a thread."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._stream = ears, ears.stream

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        patches.hold(register_optimizer_step_pre_hook(self._begins))
        patches.hold(register_optimizer_step_post_hook(self._ends))
        patches.replace(torch.optim.Optimizer, "__init__", self._hear_making)

    def _begins(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        try:
            stream, frame = self._stream, sys._getframe(2)
            recorder = stream.recorder
            if (
                recorder is not None
                and recorder.quick.active
                and not stream.steps
                and recorder.quick.update(optimizer, args, kwargs, frame)
            ):
                stream.steps.append(_EXPECTED)
                stream.stepping = sys._getframe(1)
                return
            closure = (args[1] if len(args) > 1 else kwargs.get("closure")) is not None
            self._begins_slowly(optimizer, closure, frame, sys._getframe(1))
        except Exception as error:
            self._ears.failed(error)

    def _begins_slowly(
        self, optimizer: Any, closure: bool, frame: FrameType, step: FrameType
    ) -> None:
        stream, recorder = self._stream, self._ears.recorder()
        if recorder is None or not self._ears.owned(optimizer):
            return
        if stream.steps and not _is_running(stream.stepping):
            self._forget(recorder)  # it raised an error, and the program went on
        if stream.steps:  # a wrapper around the optimizer, or a subclass that calls super().step
            stream.steps.append(None)
            return
        stream.busy += 1
        try:
            opened = recorder.updates.begins(optimizer, closure, here(frame))
            stream.steps.append((opened, update_key(optimizer, frame)))
            stream.stepping = step
        finally:
            stream.busy -= 1

    def _ends(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if torch.compiler.is_compiling():
            return
        try:
            stream = self._stream
            if stream.steps and stream.steps[-1] is _EXPECTED:
                stream.steps.pop()
                stream.stepping = None
                return
            recorder = self._ears.recorder()
            if recorder is None or not stream.steps or not self._ears.owned(optimizer):
                return
            begun = stream.steps.pop()
            if begun is not None:
                self._ends_slowly(recorder, *begun)
        except Exception as error:
            self._ears.failed(error)

    def _ends_slowly(self, recorder: Recorder, opened: Any, key: Any) -> None:
        stream = self._stream
        stream.stepping = None
        stream.busy += 1
        try:
            recorder.updates.ends(opened)
            recorder.quick.learn(key)
        finally:
            stream.busy -= 1

    def _forget(self, recorder: Recorder) -> None:
        self._stream.steps.clear()
        recorder.notes.in_step.clear()
        self._stream.stepping = None

    def _hear_making(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._ears.recorder()
            return (recorder, args[0]) if recorder is not None and args else None

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, optimizer = token
            if error is None and self._ears.owned(optimizer):
                self._ears.note(recorder.holdings.optimizer, optimizer)

        return around(original, before, after, self._ears.failed)


def _is_running(frame: FrameType | None) -> bool:
    near: FrameType | None = sys._getframe(1)
    while near is not None and near is not frame:
        near = near.f_back
    return near is not None
