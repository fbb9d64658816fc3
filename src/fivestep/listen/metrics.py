"""What metrics are made of: comparisons of two tensors, ``argmax`` and ``max`` of one."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches, around, nothing

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class Metrics:
    """Hears them outside of models and updates."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._stream = ears, ears.stream

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for name in ("__eq__", "eq"):
            patches.replace(torch.Tensor, name, self._hear_equal)
        patches.replace(torch, "eq", self._hear_equal)
        for owner in (torch, torch.Tensor):
            for name in ("argmax", "max"):
                patches.replace(owner, name, functools.partial(self._hear_pick, name=name))

    def _hear_equal(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            stream = self._stream
            if stream.depth or stream.steps or len(args) < 2:
                return None
            if not isinstance(args[1], torch.Tensor) or not isinstance(args[0], torch.Tensor):
                return None
            recorder = self._ears.recorder()
            return None if recorder is None else (recorder, args[0], args[1])

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, left, right = token
            if error is None and isinstance(result, torch.Tensor):
                self._ears.note(recorder.asides.compared, left, right, result)

        return around(original, before, after, self._ears.failed)

    def _hear_pick(self, original: Any, *, name: str) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            stream, tensor = self._stream, args[0] if args else None
            if stream.depth or stream.steps or not isinstance(tensor, torch.Tensor):
                return
            dimension: Any = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis"))
            if not isinstance(dimension, int) or not -tensor.dim() <= dimension < tensor.dim():
                return
            recorder = self._ears.recorder()
            if recorder is not None:
                self._ears.note(recorder.asides.picked, name, tensor, tensor.shape[dimension])

        return around(original, before, nothing, self._ears.failed)
