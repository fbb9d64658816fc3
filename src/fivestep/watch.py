"""The vitals of ``train``'s own moments: the same record, without a single hook.

    watch = Watch(model, loss_fn, optimizer)
    for moment in watch(train(model, loss_fn, optimizer, batches)):
        ...
    print(watch.report())

Takes the moments of ``loop.train`` and of ``scratch.train``: NumPy arrays are looked at through
tensors that share their memory. ``fit`` watches itself this way; it also hands over its batches and
its validation, which ``train`` does not know of.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from fivestep.batches import Batches, TensorBatches
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
    """Writes down the moments that go through it; a fault of its own ends only the writing.

    Args:
        model: the one that is trained, of torch or of ``scratch``.
        loss_fn: its loss.
        optimizer: what updates it.
        site: the line of the user's code that every moment belongs to; else it is looked for.
    """

    def __init__(
        self, model: Any, loss_fn: Any, optimizer: Any, *, site: Site | None = None
    ) -> None:
        self.recorder = Recorder()
        self._numpy = not isinstance(model, nn.Module) and hasattr(model, "parameters")
        self._model: Any = _Mirror(model) if self._numpy else model
        self._optimizer: Any = _mirrored(optimizer, self._model) if self._numpy else optimizer
        self._closure = not self._numpy and demands_closure(optimizer)
        name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
        self._loss = FUNCTIONS.get(name, name)
        self._reduction = str(getattr(loss_fn, "reduction", "mean"))
        self.site = site
        self._token: Any = None
        self._problem = ""

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Hand on every moment, noted."""
        for moment in moments:
            site = self.site or here(sys._getframe(1))
            self.safely(self._note, moment, site)
            yield moment
            self.safely(self._go_on, moment, site)

    def batches(self, made: Batches, name: str = "") -> Batches:
        """Hand on the batches of a data set, noted; ``name`` is what the user calls it."""
        return _Noted(made, self, name)

    def evaluated(self, inputs: Any, targets: Any, prediction: Any, loss: Any) -> None:
        """Note a batch of an evaluation: gradients are off, the modules are in eval mode."""
        self.safely(self._note_evaluation, inputs, targets, prediction, loss)

    def _note_evaluation(self, inputs: Any, targets: Any, prediction: Any, loss: Any) -> None:
        self._forward(inputs, prediction, self.site)
        self._judge(prediction, targets, loss, self.site)

    def restored(self, weights: Any) -> None:
        """Note that the best weights were loaded back into the model."""
        self.safely(self.recorder.state_loaded, self._model, weights, self.site)

    def safely(self, write: Callable[..., Any], *about: Any) -> Any:
        """Write something down, unless writing has failed before."""
        if self._problem:
            return None
        try:
            return write(*about)
        except Exception as error:
            self._problem = f"{type(error).__name__}: {error}"
            return None

    @property
    def record(self) -> Record:
        """What was written down so far."""
        record = self.safely(self.recorder.finish) or self.recorder.record
        if self._problem and self._problem not in record.problems:
            record.problems.append(self._problem)
        return record

    def report(
        self, *, rules: Iterable[str] | None = None, ignore: Iterable[str] = ()
    ) -> Diagnosis:
        """Diagnose it."""
        return diagnose(self.record, rules=rules, ignore=ignore)

    def _note(self, moment: Moment, site: Site | None) -> None:
        recorder, step = self.recorder, moment.step
        if self._numpy:
            self._model.look()
        if step is Step.FORWARD:
            self._forward(moment.inputs, moment.prediction, site)
        elif step is Step.LOSS:
            self._judge(moment.prediction, moment.targets, moment.loss, site)
        elif step is Step.ZERO_GRAD:
            if self._is_empty():  # an optimizer of the user's own may not do what it is asked
                recorder.cleared(self._optimizer, site)
        elif step is Step.BACKWARD:
            recorder.backward_ends(self._token, "")
        else:
            recorder.update_ends(self._token)

    def _forward(self, inputs: Any, prediction: Any, site: Site | None) -> None:
        if not isinstance(self._model, nn.Module):  # a function: its parameters are the optimizer's
            return
        opened = self.recorder.forward_begins(self._model, (_tensors(inputs),), {}, site)
        self.recorder.forward_ends(opened, _tensors(prediction), "")
        if opened.event is not None:
            opened.event.modules = None  # which modules ran is not known without hooks

    def _judge(self, prediction: Any, targets: Any, loss: Any, site: Site | None) -> None:
        self.recorder.loss(
            self._loss, _tensors(prediction), _tensors(targets), _tensor(loss),
            {"reduction": self._reduction}, site,
        )  # fmt: skip

    def _go_on(self, moment: Moment, site: Site | None) -> None:
        """The loop is asked for its next step, and the user's code has done what it wanted."""
        if moment.step is Step.ZERO_GRAD:
            reached = list(self._model.parameters()) if self._numpy else None
            loss = _tensor(moment.loss)
            self._token = self.recorder.backward_begins(loss, False, False, site, reached)
        elif moment.step is Step.BACKWARD:
            self._token = self.recorder.update_begins(self._optimizer, self._closure, site)

    def _is_empty(self) -> bool:
        groups: Any = self._optimizer.param_groups
        gradients = [one.grad for group in groups for one in group["params"][:PROBES]]
        there = [one for one in gradients if one is not None]
        return not there or there[0].device.type != "cpu" or all_zero(there)


class _Noted(Batches):
    """Batches that tell the recorder when each was handed out and how long it took.

    What the recorder asks of a loader stands here, too: not all batches come from one.
    """

    def __init__(self, made: Batches, watch: Watch, name: str) -> None:
        super().__init__(())
        self.samples = made.samples
        self._made, self._watch, self._name = made, watch, name
        loader = made.source
        self._loader: Any = loader if isinstance(loader, DataLoader) else self
        self.dataset = made
        self.sampler = made.order if isinstance(made, TensorBatches) else None
        self.batch_size = made.cut[1] if made.cut is not None else None

    def epoch(self, number: int) -> Iterator[Any]:
        """Go once through the data. ``number`` counts from 1 and decides the order."""
        watch, site = self._watch, self._watch.site
        loader = watch.safely(self._begin)
        ahead = iter(self._made.epoch(number))
        while True:
            began = time.perf_counter()
            try:
                batch = next(ahead)
            except StopIteration:
                break
            seconds = time.perf_counter() - began
            watch.safely(watch.recorder.batch, loader, batch, seconds, site)
            yield batch
        watch.safely(watch.recorder.epoch_end, loader, site)

    def _begin(self) -> int:
        recorder = self._watch.recorder
        loader = recorder.epoch(self._loader, self._watch.site)
        recorder.record.loaders[loader].names = (self._name,)
        return loader

    @property
    def cut(self) -> tuple[int, int] | None:
        """The samples in an epoch and in a batch."""
        return self._made.cut

    @property
    def generators(self) -> list[torch.Generator]:
        """The generators that a loader draws its order from."""
        return self._made.generators


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
