"""TorchScript reads the source of what it is given: let it find the originals."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class Scripting:
    """Hears nothing while TorchScript looks."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to be deaf to it."""
        patches.replace(torch.jit, "script", functools.partial(self._hear_nothing, frames=1))
        patches.replace(torch.jit, "trace", self._hear_nothing)

    def _hear_nothing(self, original: Any, *, frames: int = 0) -> Any:
        ears = self._ears

        @functools.wraps(original)
        def deaf(*args: Any, **kwargs: Any) -> Any:
            listening = ears.on
            if frames and len(args) < 3:  # names are looked up in the caller's frame: not in ours
                kwargs["_frames_up"] = kwargs.get("_frames_up", 0) + frames
            if listening:
                ears.close()
            try:
                return original(*args, **kwargs)
            finally:
                if listening and ears.problem is None:
                    ears.open()

        return deaf
