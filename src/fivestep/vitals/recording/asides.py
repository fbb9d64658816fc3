"""What happens beside the five steps: clips, comparisons, reads."""

from __future__ import annotations

from typing import Any

import torch

from fivestep.vitals.events import Clip, Compare, Derivative, Pick, Read
from fivestep.vitals.facts import Site
from fivestep.vitals.measure import quietly
from fivestep.vitals.recording.notes import Notes
from fivestep.vitals.recording.scaling import Scaling


class Asides:
    """Writes them down."""

    def __init__(self, notes: Notes, scaling: Scaling) -> None:
        self._notes, self._scaling = notes, scaling

    def clipped(
        self, function: str, parameters: Any, limit: float, result: Any, site: Site | None
    ) -> None:
        """Gradients were clipped."""
        notes, several = self._notes, _tensors(parameters)
        held = self._holders(several)
        empty = all(one.grad is None for one in several)
        scaled = any(self._scaling.waits_for_unscale(one) for one in held)
        raw = (Clip, notes.site(site), function, float(limit), held, scaled, empty)
        at, event = notes.next(), None
        if notes.full(raw):
            event = made = Clip(at, site, *raw[2:])
            if isinstance(result, torch.Tensor):
                with quietly():
                    notes.later.read(
                        result.reshape(1),
                        lambda values: setattr(made, "total_norm", float(values[0])),
                    )
        notes.write(raw, event)

    def _holders(self, parameters: list[torch.Tensor]) -> tuple[int, ...]:
        """The optimizers that hold any of these."""
        numbers = [self._notes.who.parameters.find(one) for one in parameters]
        known = [self._notes.record.parameters[one] for one in numbers if one is not None]
        return tuple(sorted({holder for one in known for holder in one.optimizers}))

    def differentiated(self, create: bool, site: Site | None) -> None:
        """``torch.autograd.grad`` was called."""
        self._notes.next()
        self._notes.write((Derivative, self._notes.site(site), create), None)

    def compared(
        self, left: torch.Tensor, right: torch.Tensor, outcome: torch.Tensor, site: Site | None
    ) -> None:
        """Two tensors were compared outside any model."""
        notes = self._notes
        shapes = tuple(left.shape), tuple(right.shape), tuple(outcome.shape)
        raw = (Compare, notes.site(site), *shapes)
        at, event = notes.next(), None
        if notes.full(raw):
            event = Compare(at, site, *shapes)
            event.left, event.right = notes.facts([left, right])
        notes.write(raw, event)

    def picked(self, function: str, tensor: torch.Tensor, size: int, site: Site | None) -> None:
        """``argmax`` or ``max`` along a dimension."""
        notes = self._notes
        raw = (Pick, notes.site(site), function, tuple(tensor.shape), size)
        at, event = notes.next(), None
        if notes.full(raw):
            event = Pick(at, site, *raw[2:])
            (event.tensor,) = notes.facts([tensor])
        notes.write(raw, event)

    def read(self, function: str, device: str, site: Site | None) -> None:
        """A number was read from an accelerator."""
        self._notes.next()
        self._notes.write((Read, self._notes.site(site), function, device), None)


def _tensors(parameters: Any) -> list[torch.Tensor]:
    several = [parameters] if isinstance(parameters, torch.Tensor) else parameters
    return [one for one in several if isinstance(one, torch.Tensor)]
