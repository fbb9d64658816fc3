"""``clip_grad_norm_`` and ``clip_grad_value_``."""
# To see who calls is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches, around
from fivestep.vitals.quick import clip_key

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears

_SEVERAL = (list, tuple, torch.Tensor)  # anything else may be a generator, used up by a look


class Clips:
    """Hears clips."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for name in ("clip_grad_norm_", "clip_grad_value_"):
            for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
                patches.replace(owner, name, functools.partial(self._hear, name=name))

    def _hear(self, original: Any, *, name: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            parameters = args[0] if args else kwargs.get("parameters")
            names = ("max_norm", "clip_value")
            limit = args[1] if len(args) > 1 else next(kwargs[n] for n in names if n in kwargs)
            return parameters, limit, sys._getframe(3)  # around, listing, the caller

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            if error is None:
                parameters, limit, frame = token
                self._clipped(name, parameters, limit, frame, result)

        return _listing(original, around(original, before, after, self._ears.failed))

    def _clipped(
        self, name: str, parameters: Any, limit: Any, frame: FrameType, result: Any
    ) -> None:
        recorder = self._ears.stream.recorder
        key = clip_key(name, parameters, limit, frame)
        if recorder is not None and recorder.quick.active and recorder.quick.meets(key):
            return
        recorder = self._ears.recorder()
        if recorder is not None:
            self._ears.note(recorder.asides.clipped, name, parameters, limit, result)
            recorder.quick.learn(key)


def _listing(original: Any, heard: Any) -> Any:
    """Make a list of ``model.parameters()``, a generator: the first that looks would use it up."""

    @functools.wraps(original)
    def listing(*args: Any, **kwargs: Any) -> Any:
        if args and not isinstance(args[0], _SEVERAL):
            args = (list(args[0]), *args[1:])
        elif "parameters" in kwargs and not isinstance(kwargs["parameters"], _SEVERAL):
            kwargs = {**kwargs, "parameters": list(kwargs["parameters"])}
        return heard(*args, **kwargs)

    return listing
