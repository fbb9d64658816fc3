"""``F.dropout`` and its kind."""
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


class Dropouts:
    """Hears what is dropped inside a model."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears

    def open(self, patches: Patches) -> None:
        """Begin to hear."""
        for name in DROPOUTS:
            patches.replace(torch.nn.functional, name, self._hear)

    def _hear(self, original: Any) -> Any:
        def before(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            recorder = self._ears.stream.recorder
            opened = recorder.forwards.open if recorder is not None else None
            if recorder is None or opened is None or self._ears.recorder() is None:
                return
            dropping = args[2] if len(args) > 2 else kwargs.get("training", True)
            rate = args[1] if len(args) > 1 else kwargs.get("p", 0.5)
            if dropping and opened.model.training:
                recorder.modules.drops(float(rate))
            elif dropping and rate:
                recorder.modules.dropped(float(rate), _calling_module(), here(sys._getframe(2)))

        return around(original, before, nothing, self._ears.failed)


def _calling_module() -> nn.Module | None:
    """The Dropout module whose forward called the function, if one did."""
    frame = sys._getframe(3)
    owner = frame.f_locals.get("self")
    return owner if isinstance(owner, nn.modules.dropout._DropoutNd) else None
