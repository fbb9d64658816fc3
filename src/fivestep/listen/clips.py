"""``clip_grad_norm_`` and ``clip_grad_value_``."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch

from fivestep.listen.patches import Patches, around

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
            recorder = self._ears.recorder()
            if recorder is None:
                return None
            parameters = args[0] if args else kwargs.get("parameters")
            names = ("max_norm", "clip_value")
            limit = args[1] if len(args) > 1 else next(kwargs[n] for n in names if n in kwargs)
            return recorder, parameters, limit

        def after(token: Any, result: Any, error: BaseException | None) -> None:
            recorder, parameters, limit = token
            if error is None:
                self._ears.note(recorder.asides.clipped, name, parameters, limit, result)

        return _listing(original, around(original, before, after, self._ears.failed))


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
