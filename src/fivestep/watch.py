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
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from fivestep.attach.nesting import nested
from fivestep.attach.wrapping import Wrapping, core
from fivestep.batches import Batches, TensorBatches
from fivestep.closure import demands_closure
from fivestep.doctor import Diagnosis, diagnose
from fivestep.listen.site import here
from fivestep.loop import Moment, Step
from fivestep.vitals.facts import Site
from fivestep.vitals.holding import PROBES, all_zero
from fivestep.vitals.quick import BACKWARD, BATCH, CLEAR, FORWARD, LOSS, UPDATE
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

_EXPECTED = object()  # a step that went as it was expected to


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
        self._wrapping = optimizer if isinstance(optimizer, Wrapping) else None
        self._hooks: list[Any] = []
        if self._wrapping is not None:  # it moves the weights when it sees fit, not at every step
            self._optimizer = core(optimizer)
            self._hooks.append(optimizer.register_step_pre_hook(self._wrapped_begins))
            self._hooks.append(optimizer.register_step_post_hook(self._wrapped_ends))
        self._last: Site | None = site
        name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
        self._loss = FUNCTIONS.get(name, name)
        self._reduction = str(getattr(loss_fn, "reduction", "mean"))
        self.site = site
        self._token: Any = None
        self._problem = ""

    def __call__(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Hand on every moment, noted."""
        for moment in moments:
            site = self._last = self.site or here(sys._getframe(1))
            self.safely(self._note, moment, site)
            yield moment
            self.safely(self._go_on, moment, site)

    def batches(self, made: Batches, name: str = "") -> Batches:
        """Hand on the batches of a data set, noted; ``name`` is what the user calls it."""
        return _Noted(made, self, name)

    def never_evaluates(self) -> None:
        """Say that no evaluation will come: which rows were trained on need not be known."""
        self.recorder.samples.full = True

    def batch(self, loader: int, data: Any, seconds: float) -> None:
        """Note that a data set handed out a batch, for which the loop waited so long."""
        if self._expects((BATCH, loader)):
            self.recorder.record.loaders[loader].waited += seconds
        else:
            self.recorder.loading.batch(loader, data, seconds, 0.0, self.site)
            self.recorder.quick.learn((BATCH, loader))

    def epoch_ends(self, loader: int) -> None:
        """Note that a data set has no more batches."""
        self.recorder.quick.leave()
        self.recorder.loading.ended(loader, self.site)

    def evaluated(self, inputs: Any, targets: Any, prediction: Any, loss: Any) -> None:
        """Note a batch of an evaluation: gradients are off, the modules are in eval mode."""
        self.safely(self._note_evaluation, inputs, targets, prediction, loss)

    def _note_evaluation(self, inputs: Any, targets: Any, prediction: Any, loss: Any) -> None:
        self._forward(inputs, prediction, self.site)
        self._judge(prediction, targets, loss, self.site)

    def restored(self, weights: Any) -> None:
        """Note that the best weights were loaded back into the model."""
        self.safely(self._note_restored, weights)

    def _note_restored(self, weights: Any) -> None:
        if isinstance(self._model, nn.Module):
            self.recorder.quick.leave()
            self.recorder.states.loaded(self._model, weights, self.site)

    def safely(self, write: Callable[..., Any], *about: Any) -> Any:
        """Write something down, unless writing has failed before."""
        if self._problem:
            return None
        try:
            return write(*about)
        except Exception as error:
            self._problem = f"{type(error).__name__}: {error}"
            return None

    def close(self) -> None:
        """Take its hooks off a wrapped optimizer; all other moments need none."""
        for hook in self._hooks:
            hook.remove()

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
            self._clear(site)
        elif self._token is _EXPECTED:
            pass
        elif step is Step.BACKWARD:
            recorder.backwards.ends(self._token, "")
            recorder.quick.learn(self._backward_key(moment.loss, site))
        elif self._wrapping is None:
            self._update_ends(site)

    def _forward(self, inputs: Any, prediction: Any, site: Site | None) -> None:
        if not isinstance(self._model, nn.Module):  # a function: its parameters are the optimizer's
            return
        plain = self._model.training and torch.is_grad_enabled()
        key = (FORWARD, id(site)) if plain else ()
        if not self._expects(key):
            opened = self.recorder.forwards.begins(self._model, (_tensors(inputs),), {}, site)
            self.recorder.forwards.ends(opened, _tensors(prediction), "")
            if opened.event is not None:
                opened.event.modules = None  # which modules ran is not known without hooks
            self.recorder.quick.learn(key)
        elif type(inputs) is torch.Tensor:
            self.recorder.quick.given = weakref.ref(inputs)

    def _judge(self, prediction: Any, targets: Any, loss: Any, site: Site | None) -> None:
        same = getattr(prediction, "shape", None) == getattr(targets, "shape", None)
        key = (LOSS, id(site), same) if getattr(loss, "requires_grad", False) else ()
        if not self._expects(key):
            self.recorder.losses.answered(
                self._loss, _tensors(prediction), _tensors(targets), _tensor(loss),
                {"reduction": self._reduction}, site,
            )  # fmt: skip
            self.recorder.quick.learn(key)

    def _clear(self, site: Site | None) -> None:
        if self._wrapping is not None and not self._wrapping.clears:
            return
        if not self._is_empty():  # an optimizer of the user's own may not do what it is asked
            self.recorder.quick.leave()
        elif not self._expects((CLEAR, id(site))):
            self.recorder.clears.cleared(self._optimizer, site)
            self.recorder.quick.learn((CLEAR, id(site)))

    def _go_on(self, moment: Moment, site: Site | None) -> None:
        """The loop is asked for its next step, and the user's code has done what it wanted."""
        recorder, quick = self.recorder, self.recorder.quick
        if moment.step is Step.ZERO_GRAD:
            key = self._backward_key(moment.loss, site)
            self._token = _EXPECTED
            if not (quick.active and quick.backward(moment.loss, key)):
                quick.leave()
                reached = list(self._model.parameters()) if self._numpy else None
                loss = _tensor(moment.loss)
                self._token = recorder.backwards.begins(loss, False, False, site, reached)
        elif moment.step is Step.BACKWARD and self._wrapping is None:
            self._update_begins(site)

    def _update_begins(self, site: Site | None) -> None:
        quick = self.recorder.quick
        self._token = _EXPECTED
        if not (quick.active and quick.update(self._optimizer, (UPDATE, id(site)))):
            quick.leave()
            self._token = self.recorder.updates.begins(self._optimizer, self._closure, site)

    def _update_ends(self, site: Site | None) -> None:
        if self._token is not _EXPECTED:
            self.recorder.updates.ends(self._token)
            self.recorder.quick.learn((UPDATE, id(site)))

    def _wrapped_begins(self, moving: Any, *_: Any) -> None:
        if not nested(moving):
            self.safely(self._update_begins, self._last)

    def _wrapped_ends(self, moving: Any, *_: Any) -> None:
        if not nested(moving):
            self.safely(self._update_ends, self._last)

    def _backward_key(self, loss: Any, site: Site | None) -> Any:
        plain = type(loss) is torch.Tensor and loss.is_cpu and not loss.dim()
        return (BACKWARD, id(site)) if plain and not self._closure else ()

    def _expects(self, key: Any) -> bool:
        """Tell whether this is the next event of an iteration that goes the short way."""
        quick = self.recorder.quick
        if quick.active and quick.meets(key):
            return True
        quick.leave()
        return False

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

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Go once through the data from batch ``start`` on, in the order of epoch ``number``."""
        watch = self._watch
        loader = watch.safely(self._begin)
        ahead = iter(self._made.epoch(number, start))
        while True:
            began = time.perf_counter()
            try:
                batch = next(ahead)
            except StopIteration:
                break
            seconds = time.perf_counter() - began
            watch.safely(watch.batch, loader, batch, seconds)
            yield batch
        watch.safely(watch.epoch_ends, loader)

    def _begin(self) -> int:
        recorder = self._watch.recorder
        recorder.quick.leave()
        loader = recorder.loading.epoch(self._loader, self._watch.site)
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
