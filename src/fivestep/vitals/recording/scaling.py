"""A GradScaler: losses that are scaled, steps that it skips."""

from __future__ import annotations

from typing import Any

import torch

from fivestep.vitals.events import Backward, Scale
from fivestep.vitals.facts import Site
from fivestep.vitals.recording.holdings import Holdings
from fivestep.vitals.recording.notes import Notes


class Scaling:
    """Writes down what scalers do."""

    def __init__(self, notes: Notes, holdings: Holdings) -> None:
        self._notes, self._holdings = notes, holdings
        self.steps = 0  # of scalers, that are going on
        self._loss: tuple[Any, Any] | None = None  # what was made of a loss, and the loss

    @property
    def waits(self) -> bool:
        """A scaled loss has had no backward yet."""
        return self._loss is not None

    def scaled(self, action: str, optimizer: Any, skipped: bool, site: Site | None) -> None:
        """A scaler did something."""
        number = self._holdings.optimizer(optimizer, site) if optimizer is not None else None
        self._notes.next()
        self._notes.write((Scale, self._notes.site(site), action, number, skipped), None)

    def scaled_loss(self, loss: Any, output: Any) -> None:
        """A scaler made ``output`` out of ``loss``."""
        if isinstance(loss, torch.Tensor) and output is not loss:
            self._loss = (output, loss)

    def unscaled(self, output: torch.Tensor) -> tuple[torch.Tensor, bool]:
        """The loss behind what a backward was given, and whether it is another."""
        if self._loss is None or self._loss[0] is not output:
            return output, False
        (_, loss), self._loss = self._loss, None
        return loss, True

    def waits_for_unscale(self, optimizer: int) -> bool:
        """Gradients of this optimizer carry the factor of a scaler."""
        for raw in reversed(self._notes.happened()):
            if raw[0] is Scale and raw[2] == "unscale" and raw[3] == optimizer:
                return False
            if raw[0] is Backward and optimizer in raw[5]:
                return bool(raw[7])
        return False
