"""``torch.autograd.backward``, which ``Tensor.backward`` calls, and ``torch.autograd.grad``."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches, around, nothing
from fivestep.listen.site import here
from fivestep.vitals.quick import backward_key

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class Backwards:
    """Hears the outermost backward of a thread."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._stream = ears, ears.stream

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        patches.replace(torch.autograd, "backward", self._hear)
        patches.replace(torch.autograd, "grad", self._hear_grad)

    def _hear(self, original: Any) -> Any:
        slowly = self._hear_slowly(original)
        compiling, ears, stream = torch.compiler.is_compiling, self._ears, self._stream

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not ears.on:
                return original(*args, **kwargs)
            recorder, expected = stream.recorder, False
            if recorder is not None and recorder.quick.active and not stream.backwards:
                try:
                    expected = recorder.quick.backward(args, kwargs, sys._getframe(1))
                except Exception as error:
                    ears.failed(error)
            if not expected:
                return slowly(*args, **kwargs)
            stream.backwards = ears.in_backward = 1
            try:
                return original(*args, **kwargs)
            finally:
                stream.backwards = ears.in_backward = 0

        return heard

    def _hear_slowly(self, original: Any) -> Any:
        ears, stream = self._ears, self._stream

        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, loss = ears.recorder(), _first(args[0] if args else kwargs.get("tensors"))
            if recorder is None or loss is None:
                return None
            create = bool(args[3] if len(args) > 3 else kwargs.get("create_graph", False))
            retain = args[2] if len(args) > 2 else kwargs.get("retain_graph")
            frame = sys._getframe(2)  # who called the function around this one
            stream.busy += 1
            try:
                opened = recorder.backwards.begins(loss, bool(retain), create, here(frame))
            finally:
                stream.busy -= 1
            stream.backwards += 1
            ears.in_backward += 1
            key = backward_key(args[0] if args else None, args, kwargs, frame.f_back or frame)
            return recorder, opened, key

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, opened, key = token
            recorder.quick.learn(() if error else key)
            stream.backwards -= 1
            ears.in_backward -= 1
            stream.busy += 1
            try:
                recorder.backwards.ends(opened, f"{type(error).__name__}: {error}" if error else "")
            finally:
                stream.busy -= 1

        return around(original, before, after, ears.failed)

    def _hear_grad(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            recorder = self._ears.recorder()
            if recorder is not None:
                create = bool(args[4] if len(args) > 4 else kwargs.get("create_graph", False))
                self._ears.note(recorder.asides.differentiated, create)

        return around(original, before, nothing, self._ears.failed)


def _first(tensors: Any) -> torch.Tensor | None:
    if isinstance(tensors, torch.Tensor):
        return tensors
    several = list(tensors) if isinstance(tensors, (tuple, list)) else []
    return several[0] if several and isinstance(several[0], torch.Tensor) else None
