"""How far one entry of a prediction reaches back into the batch (FS105)."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from fivestep.vitals import graphs
from fivestep.vitals.events import Forward
from fivestep.vitals.facts import Influence
from fivestep.vitals.measure import quietly
from fivestep.vitals.recording.notes import Notes

PROBES = 2  # forwards of a run


class Probe:
    """Probes the first forwards that a backward comes through."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._left = PROBES
        self._layers: dict[int, tuple[str, torch.Tensor, torch.Tensor]] = {}

    def prepare(
        self, at: int, layer: tuple[str, torch.Tensor], outputs: list[torch.Tensor]
    ) -> None:
        """Hold the output of the first layer, and that of the model, until the iteration ends."""
        if self._left > 0 and outputs and outputs[0].grad_fn is not None:
            self._layers[at] = (*layer, outputs[0])

    def measure(self, walked: graphs.Walked) -> None:
        """A backward begins: probe the forwards that it comes through."""
        for at in [at for at in self._layers if at in walked.marks]:
            name, layer, output = self._layers.pop(at)
            event = self._notes.recent.get(at)
            if isinstance(event, Forward):
                self._left -= 1
                event.influence, event.unprobed = influence(name, layer, output)

    def forget(self) -> None:
        """The iteration has ended."""
        self._layers.clear()


def influence(name: str, layer: torch.Tensor, output: torch.Tensor) -> tuple[Influence | None, str]:
    """How far entry 0 of the output reaches back: one extra backward through part of the graph."""
    if not layer.requires_grad or output.dim() < 1 or len(output) < 2 or layer.dim() < 2:
        return None, "the first layer or the prediction has no batch"
    if graphs.takes_from_user_code(output.grad_fn):
        return None, "a custom function or checkpointing lies in between"
    with torch._C.DisableTorchFunction():
        (gradient,) = _gradient(output[0].sum(), layer)
    if gradient is None:
        return None, "the prediction does not depend on the first layer that ran"
    with quietly():
        if not bool(gradient.isfinite().all()):  # NaN is unequal to 0 everywhere, and says nothing
            return None, "the gradient is not finite"
        hit = [_touched(gradient, dimension) for dimension in range(gradient.dim())]
        touched = tuple(int(one.sum()) for one in hit)
        lowest = tuple(int(one.byte().argmax()) for one in hit)
    return Influence(name, tuple(layer.shape), touched, lowest), ""


def _touched(gradient: torch.Tensor, dimension: int) -> torch.Tensor:
    """Which places along a dimension have a gradient other than 0."""
    along = (gradient != 0).movedim(dimension, 0)
    return along.reshape(gradient.shape[dimension], -1).any(1)


def _gradient(total: torch.Tensor, layer: torch.Tensor) -> Any:
    engine: Callable[..., Any] = torch.autograd.Variable._execution_engine.run_backward
    return engine(
        (total,), (torch.ones_like(total),), True, False, (layer,),
        allow_unreachable=True, accumulate_grad=False,
    )  # fmt: skip
