"""Reads that wait for an accelerator."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches, around, nothing

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears

READS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__")


class Reads:
    """Hears them where there is something to wait for."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for name in READS if self._ears.reads else ():
            patches.replace(torch.Tensor, name, functools.partial(self._hear, name=name))

    def _hear(self, original: Any, *, name: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if not args or args[0].device.type == "cpu":
                return
            recorder = self._ears.recorder()
            if recorder is not None:
                self._ears.note(recorder.asides.read, name, args[0].device.type)

        return around(original, before, nothing, self._ears.failed)
