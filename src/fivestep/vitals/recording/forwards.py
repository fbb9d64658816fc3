"""The first step: an outermost model is called, and answers."""

from __future__ import annotations

import weakref
from typing import Any

import torch
from torch import nn

from fivestep.vitals import graphs
from fivestep.vitals.events import Forward
from fivestep.vitals.facts import ModuleRun, Site
from fivestep.vitals.measure import tensors_in
from fivestep.vitals.recording.notes import Notes, grad_mode
from fivestep.vitals.recording.probe import Probe
from fivestep.vitals.registry import unwrap
from fivestep.vitals.samples import Samples


class OpenForward:
    """A forward that has begun and not ended."""

    __slots__ = ("at", "event", "layer", "model", "number", "paths", "runs", "seen")

    def __init__(self, model: nn.Module, number: int, at: int, event: Forward | None) -> None:
        self.model, self.number, self.at, self.event = model, number, at, event
        self.runs: list[ModuleRun] = []
        self.seen: dict[int, int] = {}
        self.layer: tuple[str, torch.Tensor] | None = None
        self.paths: dict[int, str] = {}
        if event is not None:
            self.paths = {id(one): path for path, one in unwrap(model).named_modules()}


class Forwards:
    """Writes down forwards."""

    def __init__(self, notes: Notes, samples: Samples, probe: Probe) -> None:
        self._notes, self._samples, self._probe = notes, samples, probe
        self.open: OpenForward | None = None
        self.last: tuple[int, bool] | None = None  # model of the last one, and its mode
        self.given: tuple[int, Any] = (0, lambda: None)  # first input of the last one, weakly
        self._inputs: torch.Tensor | None = None

    @property
    def inputs(self) -> torch.Tensor | None:
        """First input of the last measured one, until the iteration ends."""
        return self._inputs

    def forget_inputs(self) -> None:
        """The iteration has ended."""
        self._inputs = None

    def begins(self, model: nn.Module, args: Any, kwargs: Any, site: Site | None) -> OpenForward:
        """An outermost model is called."""
        notes = self._notes
        number, place = notes.who.model(model, site), notes.site(site)
        grad, training = grad_mode(), unwrap(model).training
        notes.enter((place, number), at_once=grad != "on" or not training)
        at = notes.next()
        raw = (Forward, place, number, training, grad, notes.inside())
        self.last = (number, training)
        if grad == "on":
            notes.shown = site
        notes.record.models[number].forwards += 1
        alone = len(tensors_in((args, kwargs))) == 1
        self._samples.forward(at, number, args, grad == "on", site, alone=alone)
        if args and type(args[0]) is torch.Tensor:
            self.given = (at, weakref.ref(args[0]))
        event = None
        if notes.full(raw):
            event = Forward(at, site, *raw[2:])
            given = tensors_in((args, kwargs))
            event.inputs = notes.facts(given, rows=True)
            self._inputs = given[0] if given else None
        self.open = opened = OpenForward(model, number, at, event)
        notes.write(raw, event, at=at)
        return opened

    def ends(self, opened: OpenForward, output: Any, error: str) -> None:
        """It has answered."""
        self.open = None
        notes, event = self._notes, opened.event
        if event is None:
            return
        event.failed = error
        outputs = tensors_in(output)
        event.outputs = notes.facts(outputs)
        facts = notes.record.models[opened.number]
        event.modules = None if facts.compiled else tuple(opened.runs)
        for one in outputs:
            if one.grad_fn is not None:
                graphs.mark(one.grad_fn, opened.at)
        notes.remember(event)
        if event.grad == "on" and opened.model.training and opened.layer is not None:
            self._probe.prepare(opened.at, opened.layer, outputs)
