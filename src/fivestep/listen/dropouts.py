"""``F.dropout`` and its kind, and the dropout inside an attention function."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import torch.nn.functional
from torch import nn

from fivestep.listen.patches import Patches, around, nothing
from fivestep.listen.site import here

if TYPE_CHECKING:
    from fivestep.listen.ears import Ears

DROPOUTS = (
    "dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout",
)  # fmt: skip
ATTENTION = "scaled_dot_product_attention"  # drops whenever dropout_p is not 0: it knows no mode


class Dropouts:
    """Hears what is dropped inside a model."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for name in DROPOUTS:
            patches.replace(torch.nn.functional, name, self._hear)

        patches.replace(torch.nn.functional, ATTENTION, self._hear_attention)

    def _hear(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if args[2] if len(args) > 2 else kwargs.get("training", True):
                rate = args[1] if len(args) > 1 else kwargs.get("p", 0.5)
                self._drops(rate, "")

        return around(original, before, nothing, self._ears.failed)

    def _hear_attention(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            rate = args[4] if len(args) > 4 else kwargs.get("dropout_p", 0.0)
            if rate:
                self._drops(rate, ATTENTION)

        return around(original, before, nothing, self._ears.failed)

    def _drops(self, rate: Any, function: str) -> None:
        recorder = self._ears.stream.recorder
        opened = recorder.forwards.open if recorder is not None else None
        if recorder is None or opened is None or self._ears.recorder() is None:
            return
        if opened.model.training:
            recorder.modules.drops(float(rate))
        elif rate:
            by = function or _calling_module()
            recorder.modules.dropped(float(rate), by, here(sys._getframe(3)))


def _calling_module() -> nn.Module | None:
    """The Dropout module whose forward called the function, if one did."""
    frame = sys._getframe(4)
    owner = frame.f_locals.get("self")
    return owner if isinstance(owner, nn.modules.dropout._DropoutNd) else None
