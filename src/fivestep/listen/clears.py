"""``zero_grad`` of optimizers and modules."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fivestep.listen.patches import Patches
from fivestep.vitals.quick import CLEAR

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class Clears:
    """Hears clears."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._stream = ears, ears.stream

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for owner in (torch.optim.Optimizer, nn.Module):
            patches.replace(owner, "zero_grad", self._hear)

    def _hear(self, original: Any) -> Any:
        compiling, ears, stream = torch.compiler.is_compiling, self._ears, self._stream

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if not compiling() and ears.on and args:
                try:
                    recorder, frame = stream.recorder, sys._getframe(1)
                    quick = recorder.quick if recorder is not None else None
                    if quick is None or not quick.active or not quick.clear(args[0], frame):
                        self._cleared(args[0], frame)
                except Exception as error:
                    ears.failed(error)
            return original(*args, **kwargs)

        return heard

    def _cleared(self, owner: Any, frame: FrameType) -> None:
        recorder = self._ears.recorder()
        if recorder is not None and self._ears.owned(owner):
            self._ears.note(recorder.clears.cleared, owner)
            recorder.quick.learn((CLEAR, id(frame.f_code), frame.f_lasti, id(owner)))
