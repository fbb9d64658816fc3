"""``GradScaler``: scale, unscale_, step, update."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches, around

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears


class Scalers:
    """Hears scalers that are enabled."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        scaler = torch.amp.grad_scaler.GradScaler
        for action in ("scale", "unscale_", "step", "update"):
            patches.replace(scaler, action, functools.partial(self._hear, action=action))

    def _hear(self, original: Any, *, action: str) -> Any:
        steps = action == "step"

        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            recorder = self._ears.recorder()
            if recorder is None or not args[0].is_enabled():
                return None
            subject = args[1] if len(args) > 1 else next(iter(kwargs.values()), None)
            recorder.scaling.steps += steps
            return recorder, subject, recorder.updates.count

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, subject, updates = token
            recorder.scaling.steps -= steps
            if error is not None:
                return
            if action == "scale":
                recorder.scaling.scaled_loss(subject, result)
            skipped = steps and recorder.updates.count == updates
            optimizer = subject if action in ("step", "unscale_") else None
            self._ears.note(recorder.scaling.scaled, action.strip("_"), optimizer, skipped)

        return around(original, before, after, self._ears.failed)
