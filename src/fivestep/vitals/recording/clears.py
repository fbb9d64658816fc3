"""The third step: gradients are cleared."""

from __future__ import annotations

from typing import Any

from torch import nn

from fivestep.vitals.events import Clear
from fivestep.vitals.facts import Site
from fivestep.vitals.recording.holdings import Holdings
from fivestep.vitals.recording.notes import Notes


class Clears:
    """Writes down clears."""

    def __init__(self, notes: Notes, holdings: Holdings) -> None:
        self._notes, self._holdings = notes, holdings

    def cleared(self, owner: Any, site: Site | None) -> None:
        """``zero_grad`` of an optimizer or a module was called."""
        notes = self._notes
        place, inside = notes.site(site), notes.inside()
        if isinstance(owner, nn.Module):
            optimizer, model = None, notes.who.model(owner, site)
            optimizers = self._holders(model)
            self._holdings.of(None).clear(place)
        else:
            optimizer, model = self._holdings.optimizer(owner, site), None
            notes.record.optimizers[optimizer].clears += 1
            optimizers = (optimizer,)
        notes.enter((place, optimizer))
        notes.next()
        for one in optimizers:
            self._holdings.of(one).clear(place)
        notes.write((Clear, place, optimizer, model, optimizers, inside), None)

    def _holders(self, model: int) -> tuple[int, ...]:
        """The optimizers that hold parameters of a model."""
        record = self._notes.record
        parameters = [record.parameters[one] for one in record.models[model].parameters]
        return tuple(sorted({held for one in parameters for held in one.optimizers}))
