"""``nn.Module.__call__``: the outermost model, the modules inside it, the module of a loss."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
import weakref
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.loss import _Loss

from fivestep.listen.patches import Patches
from fivestep.listen.site import here
from fivestep.listen.stream import Stream
from fivestep.vitals.quick import FORWARD, Quick

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears

_A_FORWARD, _A_LOSS = True, 2


class Modules:
    """Hears modules."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._streams = ears, ears.streams

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        patches.replace(nn.Module, "__call__", self._hear)

    def _hear(self, original: Any) -> Any:
        compiling, ears, streams = torch.compiler.is_dynamo_compiling, self._ears, self._streams

        def __call__(module: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            if compiling() or not ears.on:
                return original(module, *args, **kwargs)
            stream = streams.now
            if not stream.depth and stream.busy:
                return original(module, *args, **kwargs)
            recorder = stream.recorder
            if recorder is not None and recorder.quick.active:
                if stream.depth or stream.backwards:
                    return original(module, *args, **kwargs)
                expected = self._quickly(recorder.quick, module, args, sys._getframe(1))
                if expected:
                    stream.depth = expected == _A_FORWARD
                    try:
                        return original(module, *args, **kwargs)
                    finally:
                        stream.depth = 0
                        if expected == _A_LOSS:
                            recorder.quick.near = ()
            if stream.depth:
                if stream.recorder is None or not _inner_wanted(stream):
                    return original(module, *args, **kwargs)
                return self._inner(original, module, args, kwargs)
            if stream.backwards:
                return original(module, *args, **kwargs)
            return self._outer(original, module, args, kwargs)

        __call__.__wrapped__ = original  # pyright: ignore[reportFunctionMemberAccess]
        __call__.__qualname__ = "Module.__call__"
        __call__.__module__ = nn.Module.__module__
        return __call__

    def _quickly(self, quick: Quick, module: Any, args: Any, frame: FrameType) -> int:
        """The module that was expected is called, or that of the loss that is expected."""
        try:
            if quick.expects_loss() and is_loss(module):
                quick.near = (frame.f_code, frame.f_lasti)
                return _A_LOSS
            if args and type(args[0]) is torch.Tensor:
                quick.given = weakref.ref(args[0])
            if not module.training or not torch.is_grad_enabled():
                return quick.meets(())
            return quick.meets((FORWARD, frame.f_code, frame.f_lasti, id(module)))
        except Exception as error:
            self._ears.failed(error)
            return 0

    def _outer(self, original: Any, module: Any, args: Any, kwargs: Any) -> Any:
        stream, opened, loss = self._streams.now, None, False
        frame = sys._getframe(2)
        try:
            recorder = self._ears.recorder()
            loss = is_loss(module)
            if recorder is not None and loss:
                recorder.quick.near = (frame.f_code, frame.f_lasti)
            if recorder is not None and not loss and self._ears.wanted(module):
                stream.busy += 1
                try:
                    opened = recorder.forwards.begins(module, args, kwargs, here(frame))
                    key = (FORWARD, frame.f_code, frame.f_lasti, id(module))
                    recorder.quick.learn(key)
                finally:
                    stream.busy -= 1
        except Exception as error:
            self._ears.failed(error)
        stream.depth += not loss
        wrote = _losses_written(stream)
        result, problem = None, ""
        try:
            result = original(module, *args, **kwargs)
        except BaseException as error:
            problem = f"{type(error).__name__}: {error}"
            raise
        finally:
            stream.depth -= not loss
            self._outer_ends(module, opened, loss, wrote, args, result, problem)
        return result

    def _outer_ends(
        self, module: Any, opened: Any, loss: bool, wrote: int, args: Any, result: Any, problem: str
    ) -> None:
        stream = self._streams.now
        recorder = stream.recorder
        if recorder is None or not self._ears.on:
            return
        stream.busy += 1
        recorder.quick.near = ()
        try:
            if opened is not None:
                recorder.forwards.ends(opened, result, problem)
            elif loss and not problem and _losses_written(stream) == wrote and len(args) > 1:
                reduction = getattr(module, "reduction", "mean")
                recorder.losses.answered(
                    type(module).__name__, args[0], args[1], result, {"reduction": reduction},
                    here(sys._getframe(2)),
                )  # fmt: skip
        except Exception as error:
            self._ears.failed(error)
        finally:
            stream.busy -= 1

    def _inner(self, original: Any, module: Any, args: Any, kwargs: Any) -> Any:
        stream, run = self._streams.now, None
        recorder = stream.recorder
        try:
            run = recorder.modules.begins(module) if recorder is not None else None
        except Exception as error:
            self._ears.failed(error)
        result = original(module, *args, **kwargs)
        if run is not None and recorder is not None:
            stream.busy += 1
            try:
                recorder.modules.ends(run, args, result)
            except Exception as error:
                self._ears.failed(error)
            finally:
                stream.busy -= 1
        return result


def _inner_wanted(stream: Stream) -> bool:
    recorder = stream.recorder
    opened = recorder.forwards.open if recorder is not None else None
    return opened is not None and opened.event is not None and not stream.busy


def _losses_written(stream: Stream) -> int:
    return stream.recorder.losses.count if stream.recorder is not None else 0


def is_loss(module: Any) -> bool:
    """Tell whether a module is there to judge: torch's own, or one that is called so."""
    if isinstance(module, _Loss):
        return True
    kind = type(module).__name__.lower()
    named = kind.endswith(("loss", "criterion", "crossentropy"))
    return named and next(iter(module.parameters()), None) is None
