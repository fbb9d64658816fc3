"""fastai: a Learner on PyTorch's own loaders, `fit`, `validate` and callbacks."""

from __future__ import annotations

import torch
from fastai.callback.all import BnFreeze, GradientAccumulation
from fastai.callback.tracker import TerminateOnNaNCallback
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.metrics import rmse
from fastai.optimizer import SGD

from . import problems as p
from .measure import NoNotionError, Seen

NAME, PACKAGE = "fastai", "fastai"


def learner(model, data, *, check=None, loss_fn=p.mean, batch_size=1, **options):
    held_out = p.loader(check or p.samples(p.FOUR), 2)
    loaders = DataLoaders(p.loader(data, batch_size), held_out, device=torch.device("cpu"))

    def loss_func(prediction, target):
        return loss_fn(prediction, target).float()  # its smooth average accepts no float64

    return Learner(loaders, model, loss_func=loss_func, opt_func=SGD, **options)


def fit(made, *, epochs=1, lr=1.0):
    with made.no_bar(), made.no_logging():
        made.fit(epochs, lr=lr)
    return made


def short_window():
    model = p.Weight()
    fit(learner(model, p.samples(p.SIX), cbs=GradientAccumulation(4)))
    return Seen(model.w)


def unequal_tokens():
    model = p.Tokens()
    cut = {"check": p.texts(), "cbs": GradientAccumulation(4)}
    fit(learner(model, p.texts(), loss_fn=p.token_loss, **cut))
    return Seen(model.w)


def validated(made):
    with made.no_bar(), made.no_logging():
        return made.validate()


def uneven_evaluation():
    made = learner(p.Weight(1.0), p.samples(p.FIVE), check=p.samples(p.FIVE))
    return Seen(validated(made)[0])


def masked_evaluation():
    made = learner(p.Tokens(1.0), p.texts(), check=p.texts(), loss_fn=p.token_loss)
    return Seen(validated(made)[0])


def nan_logged():
    made = fit(learner(p.Rooted(), p.samples(p.BREAKING)))
    return Seen(made.recorder.losses[-1])


def nan_weight():
    def weight(**options):
        model = p.Rooted()
        fit(learner(model, p.samples(p.BREAKING), **options))
        return model.w

    return Seen(weight(), {"`TerminateOnNaNCallback()`": weight(cbs=TerminateOnNaNCallback())})


def schedule_frequency():
    raise NoNotionError("its schedules follow the share of the run, not updates")


def metric():
    made = learner(p.Weight(1.0), p.samples(p.ERRORS), check=p.samples(p.ERRORS), metrics=rmse)
    return Seen(validated(made)[1])


def validation_randomness():
    """``Learner.fit`` always validates, so the validation is taken out of the loaders."""

    def weight(validate):
        torch.manual_seed(0)
        model = p.Noisy()
        made = learner(model, p.samples(p.FOUR))
        if not validate:
            made.dls.loaders[1] = []
        fit(made, epochs=2)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    def moved(**options):
        model = p.Frozen()
        fit(learner(model, p.samples(p.FOUR), batch_size=2, **options), epochs=2)
        return model.norm.running_mean

    return Seen(moved(), {"`BnFreeze`": moved(cbs=BnFreeze())})


def skipped_update():
    raise NoNotionError("not on the CPU: `to_fp16` is autocast and a scaler for CUDA")


def epoch_loss():
    """The Recorder's ``train_loss``, the first column of what is printed for an epoch."""
    made = fit(learner(p.Weight(1.0), p.samples(p.FIVE), batch_size=2), lr=0.0)
    how = "its `train_loss` is a smooth average that weighs recent batches more, by design"
    return Seen(made.recorder.values[-1][0], how=how)
