"""torchtnt: an AutoUnit, `train`, `evaluate` and `fit`. Logging and averaging are the user's."""

from __future__ import annotations

from contextlib import suppress

import torch
import torchtnt.framework as tnt
from torchtnt.framework.auto_unit import AutoUnit

from . import problems as p
from .measure import NoNotionError, Seen

NAME, PACKAGE = "torchtnt", "torchtnt"
CPU = torch.device("cpu")


class Unit(AutoUnit):
    """As its documentation writes one."""

    def __init__(self, model, loss_fn=p.mean, schedule=None, **options):
        super().__init__(module=model, device=CPU, **options)
        self.loss_fn, self.schedule, self.last = loss_fn, schedule, None

    def configure_optimizers_and_lr_scheduler(self, module):
        optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
        return optimizer, self.schedule(optimizer) if self.schedule else None

    def compute_loss(self, state, data):
        x, y = data
        prediction = self.module(x)
        return self.loss_fn(prediction, y), prediction

    def on_train_step_end(self, state, data, step, results):
        self.last = results.loss.item()


def trained(unit, loader, epochs=1, validation=None):
    if validation is None:
        tnt.train(unit, loader, max_epochs=epochs)
    else:
        tnt.fit(unit, loader, validation, max_epochs=epochs)
    return unit


def short_window():
    model = p.Weight()
    trained(Unit(model, gradient_accumulation_steps=4), p.loader(p.samples(p.SIX)))
    return Seen(model.w)


def unequal_tokens():
    model = p.Tokens()
    trained(Unit(model, p.token_loss, gradient_accumulation_steps=4), p.loader(p.texts()))
    return Seen(model.w)


def uneven_evaluation():
    raise NoNotionError("it does not average losses; `on_eval_step_end` is the user's")


def masked_evaluation():
    raise NoNotionError("it does not average losses; `on_eval_step_end` is the user's")


def nan_logged():
    """What ``on_train_step_end`` is handed to log."""
    return Seen(trained(Unit(p.Rooted()), p.loader(p.samples(p.BREAKING))).last)


def nan_weight():
    def weight(**options):
        model = p.Rooted()
        with suppress(RuntimeError):  # how anomaly detection ends the run
            trained(Unit(model, **options), p.loader(p.samples(p.BREAKING)))
        return model.w

    option = "`detect_anomaly=True`, which raises and is slow"
    return Seen(weight(), {option: weight(detect_anomaly=True)})


def schedule_frequency():
    options = {"gradient_accumulation_steps": 2, "step_lr_interval": "step"}
    model = p.Weight()
    unit = Unit(model, schedule=p.halving_every_two, **options)
    trained(unit, p.loader(p.samples(p.TEN)))
    return Seen(model.w)


def metric():
    raise NoNotionError("its metrics are in another package, torcheval")


def validation_randomness():
    def weight(validate):
        torch.manual_seed(0)
        model, validation = p.Noisy(), p.loader(p.samples(p.FOUR))
        trained(Unit(model), p.loader(p.samples(p.FOUR)), 2, validation if validate else None)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    model, held_out = p.Frozen(), p.loader(p.samples(p.FOUR), 2)
    trained(Unit(model), p.loader(p.samples(p.FOUR), 2), 2, held_out)
    return Seen(model.norm.running_mean)


def skipped_update():
    unit = Unit(p.Half(), schedule=p.halving, precision="fp16", step_lr_interval="step")
    if not unit.grad_scaler.is_enabled():
        raise NoNotionError(
            "not on the CPU, where its gradient scaler, which is CUDA's, is disabled (by its "
            "source the schedule moves in any case; not run)"
        )
    raise AssertionError("float16 on the CPU is possible now: measure it")


def epoch_loss():
    raise NoNotionError("it logs no loss of an epoch")
