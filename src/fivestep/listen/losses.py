"""The loss functions of ``torch.nn.functional``."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import functools
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional

from fivestep.listen.patches import Patches
from fivestep.vitals.quick import loss_key

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears

LOSSES = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss",
    "cross_entropy", "ctc_loss", "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss",
    "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss",
    "smooth_l1_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
)  # fmt: skip


class Losses:
    """Hears loss functions, not those that they call themselves."""

    def __init__(self, ears: Ears) -> None:
        self._ears, self._stream = ears, ears.stream

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for name in LOSSES:
            patches.replace(torch.nn.functional, name, functools.partial(self._hear, name=name))

    def _hear(self, original: Any, *, name: str) -> Any:
        compiling, ears, stream = torch.compiler.is_compiling, self._ears, self._stream

        @functools.wraps(original)
        def heard(*args: Any, **kwargs: Any) -> Any:
            if compiling() or not ears.on or stream.losses or stream.busy or stream.backwards:
                return original(*args, **kwargs)
            stream.losses = 1
            try:
                result = original(*args, **kwargs)
            finally:
                stream.losses = 0
            try:
                self._answered(name, args, kwargs, result, sys._getframe(1))
            except Exception as error:
                ears.failed(error)
            return result

        return heard

    def _answered(self, name: str, args: Any, kwargs: Any, result: Any, frame: FrameType) -> None:
        recorder = self._stream.recorder
        if (
            recorder is not None
            and recorder.quick.active
            and recorder.quick.loss(name, args, result, frame)
        ):
            return
        recorder = self._ears.recorder()
        if recorder is not None:
            near = recorder.quick.near
            self._ears.note(recorder.losses.answered, name, *_pair(args, kwargs), result, kwargs)
            recorder.quick.learn(loss_key(name, args, result, frame, near))


def _pair(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    first = args[0] if args else kwargs.get("input", kwargs.get("log_probs"))
    second = args[1] if len(args) > 1 else kwargs.get("target", kwargs.get("targets"))
    return first, second
