"""``state_dict``, ``load_state_dict`` and ``torch.save``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from fivestep.listen.patches import Patches, around, nothing

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class States:
    """Hears what becomes of the states of models."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        patches.replace(nn.Module, "state_dict", self._hear_state)
        patches.replace(nn.Module, "load_state_dict", self._hear_load)
        patches.replace(torch, "save", self._hear_save)

    def _hear_state(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder, stream = self._ears.recorder(), self._ears.stream
            if recorder is None or stream.states or stream.depth or len(args) > 1:
                return None
            stream.states += 1
            return recorder, args[0]  # pyright: ignore[reportGeneralTypeIssues]

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, model = token
            self._ears.stream.states -= 1
            if error is None and self._ears.wanted(model):
                self._ears.note(recorder.states.taken, model, result)

        return around(original, before, after, self._ears.failed)

    def _hear_load(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            recorder = self._ears.recorder()
            state = args[1] if len(args) > 1 else kwargs.get("state_dict")
            if recorder is not None and args and self._ears.wanted(args[0]):
                self._ears.note(recorder.states.loaded, args[0], state)

        return around(original, before, nothing, self._ears.failed)

    def _hear_save(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            recorder = self._ears.recorder()
            if recorder is not None:
                self._ears.note(recorder.states.saved, args[0] if args else kwargs.get("obj"))

        return around(original, before, nothing, self._ears.failed)
