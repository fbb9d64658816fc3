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
        for name in ("script", "trace"):
            patches.replace(torch.jit, name, self._hear_nothing)

    def _hear_nothing(self, original: Any) -> Any:
        ears = self._ears

        @functools.wraps(original)
        def deaf(*args: Any, **kwargs: Any) -> Any:
            listening = ears.on
            if listening:
                ears.close()
            try:
                return original(*args, **kwargs)
            finally:
                if listening and ears.problem is None:
                    ears.open()

        return deaf
