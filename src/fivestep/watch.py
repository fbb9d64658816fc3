"""The vitals of ``train``'s own moments: the same record, without a single hook.

    watch = Watch(model, loss_fn, optimizer)
    for moment in watch(train(model, loss_fn, optimizer, batches)):
        ...
    print(watch.report())

Takes the moments of ``loop.train`` and of ``scratch.train``: NumPy arrays are looked at through
tensors that share their memory.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from fivestep.closure import demands_closure
from fivestep.doctor import Diagnosis, diagnose
from fivestep.listen.site import here
from fivestep.loop import Moment, Step
from fivestep.vitals.facts import Site
from fivestep.vitals.holding import PROBES, all_zero
from fivestep.vitals.record import Record
from fivestep.vitals.recorder import Recorder

FUNCTIONS = {
    "MSELoss": "mse_loss",
    "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss",
    "HuberLoss": "huber_loss",
    "CrossEntropyLoss": "cross_entropy",
    "NLLLoss": "nll_loss",
    "KLDivLoss": "kl_div",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "GaussianNLLLoss": "gaussian_nll_loss",
    "PoissonNLLLoss": "poisson_nll_loss",
}


class Watch:
    """Writes down the moments that go through it; a fault of its own ends only the writing."""

    def __init__(self, model: Any, loss_fn: Any, optimizer: Any) -> None:
        self._recorder = Recorder()
        self._numpy = not isinstance(model, nn.Module) and hasattr(model, "parameters")
        self._model: Any = _Mirror(model) if self._numpy else model
        self._optimizer: Any = _mirrored(optimizer, self._model) if self._numpy else optimizer
        self._closure = not self._numpy and demands_closure(optimizer)
        name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
        self._loss = FUNCTIONS.get(name, name)
        self._reduction = str(getattr(loss_fn, "reduction", "mean"))
        self._token: Any = None
        self._problem = ""

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Hand on every moment, noted."""
        for moment in moments:
            site = _line()
            self._safely(self._note, moment, site)
            yield moment
            self._safely(self._go_on, moment, site)

    def _safely(
        self, write: Callable[[Moment, Site | None], None], moment: Moment, site: Any
    ) -> None:
        if self._problem:
            return
        try:
            write(moment, site)
        except Exception as error:
            self._problem = f"{type(error).__name__}: {error}"

    @property
    def record(self) -> Record:
        """What was written down so far."""
        record = self._recorder.finish()
        if self._problem and self._problem not in record.problems:
            record.problems.append(self._problem)
        return record

    def report(
        self, *, rules: Iterable[str] | None = None, ignore: Iterable[str] = ()
    ) -> Diagnosis:
        """Diagnose it."""
        return diagnose(self.record, rules=rules, ignore=ignore)

    def _note(self, moment: Moment, site: Site | None) -> None:
        recorder, step = self._recorder, moment.step
        if self._numpy:
            self._model.look()
        loss = _tensor(moment.loss)
        if step is Step.FORWARD:
            opened = recorder.forwards.begins(self._model, (_tensors(moment.inputs),), {}, site)
            recorder.forwards.ends(opened, _tensors(moment.prediction), "")
            if opened.event is not None:
                opened.event.modules = None  # which modules ran is not known without hooks
        elif step is Step.LOSS:
            options = {"reduction": self._reduction}
            prediction, targets = _tensors(moment.prediction), _tensors(moment.targets)
            recorder.losses.answered(self._loss, prediction, targets, loss, options, site)
        elif step is Step.ZERO_GRAD:
            if self._is_empty():  # an optimizer of the user's own may not do what it is asked
                recorder.clears.cleared(self._optimizer, site)
        elif step is Step.BACKWARD:
            recorder.backwards.ends(self._token, "")
        else:
            recorder.updates.ends(self._token)

    def _go_on(self, moment: Moment, site: Site | None) -> None:
        """The loop is asked for its next step, and the user's code has done what it wanted."""
        if moment.step is Step.ZERO_GRAD:
            reached = list(self._model.parameters()) if self._numpy else None
            loss = _tensor(moment.loss)
            self._token = self._recorder.backwards.begins(loss, False, False, site, reached)
        elif moment.step is Step.BACKWARD:
            self._token = self._recorder.updates.begins(self._optimizer, self._closure, site)

    def _is_empty(self) -> bool:
        groups: Any = self._optimizer.param_groups
        gradients = [one.grad for group in groups for one in group["params"][:PROBES]]
        there = [one for one in gradients if one is not None]
        return not there or there[0].device.type != "cpu" or all_zero(there)


def _line() -> Site | None:
    return here(sys._getframe(2))


def _tensors(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_tensors(one) for one in value)  # pyright: ignore[reportUnknownVariableType]
    return _tensor(value)


def _tensor(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    return torch.tensor(float(value)) if isinstance(value, float) else value


class _Mirror(nn.Module):
    """A model of arrays seen as a module: its parameters share their memory."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.boxes = list(model.parameters())
        for number, box in enumerate(self.boxes):
            self.register_parameter(f"parameter{number}", nn.Parameter(torch.from_numpy(box.value)))

    def look(self) -> None:
        """Look at the gradients as they are now."""
        for box, parameter in zip(self.boxes, self.parameters(), strict=True):
            parameter.grad = torch.from_numpy(box.grad)


def _mirrored(optimizer: Any, mirror: _Mirror) -> Any:
    rate = float(getattr(optimizer, "lr", float("nan")))
    kind = type(type(optimizer).__name__, (), {})
    seen: Any = kind()
    by_box = {id(box): one for box, one in zip(mirror.boxes, mirror.parameters(), strict=True)}
    held = [by_box[id(box)] for box in optimizer.parameters if id(box) in by_box]
    seen.param_groups = [{"params": held, "lr": rate}]
    return seen
