"""skorch: NeuralNet and its callbacks. Accumulation is no option; its FAQ has a recipe."""

from __future__ import annotations

import skorch
import torch
from skorch.callbacks import EpochScoring, LRScheduler
from skorch.helper import predefined_split

from . import problems as p
from .measure import NoNotionError, Seen

NAME, PACKAGE = "skorch", "skorch"


class Criterion(torch.nn.Module):
    def __init__(self, loss_fn=p.mean):
        super().__init__()
        self.loss_fn = loss_fn

    def forward(self, prediction, target):
        return self.loss_fn(prediction, target)


class Accumulating(skorch.NeuralNet):
    """In the way of the FAQ: losses divided by the window, a step when the count is full."""

    window = 4

    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs) / self.window

    def train_step(self, batch, **rest):
        count = len(self.history[-1, "batches"])
        result = self.train_step_single(batch, **rest)
        if count % self.window == 0:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return result


def fit(model, data, *, kind=skorch.NeuralNet, loss_fn=p.mean, check=None, **options):
    usual = {"batch_size": 1, "max_epochs": 1, "lr": 1.0, "optimizer": torch.optim.SGD}
    net = kind(
        model, criterion=Criterion, criterion__loss_fn=loss_fn, verbose=0,
        train_split=predefined_split(check) if check else None, **usual | options,
    )  # fmt: skip
    return net.fit(data)


def short_window():
    net = fit(p.Weight(), p.samples(p.SIX), kind=Accumulating)
    return Seen(net.module_.w)


def unequal_tokens():
    net = fit(p.Tokens(), p.texts(), kind=Accumulating, loss_fn=p.token_loss)
    return Seen(net.module_.w)


def validated(model, data, loss_fn=p.mean, **options):
    """A learning rate of 0: the validation follows the epoch, and the weight must be the same."""
    net = fit(model, data, check=data, loss_fn=loss_fn, lr=0.0, batch_size=2, **options)
    return net.history[-1]


def uneven_evaluation():
    return Seen(validated(p.Weight(1.0), p.samples(p.FIVE))["valid_loss"])


def masked_evaluation():
    return Seen(validated(p.Tokens(1.0), p.texts(), p.token_loss)["valid_loss"])


def nan_logged():
    return Seen(fit(p.Rooted(), p.samples(p.BREAKING)).history[-1, "batches", -1, "train_loss"])


def nan_weight():
    return Seen(fit(p.Rooted(), p.samples(p.BREAKING)).module_.w)


class ByTwos(Accumulating):
    window = 2


def schedule_frequency():
    schedule = torch.optim.lr_scheduler.StepLR
    callback = LRScheduler(schedule, step_size=2, gamma=0.5, step_every="batch")
    net = fit(p.Weight(), p.samples(p.TEN), kind=ByTwos, callbacks=[callback])
    return Seen(net.module_.w)


def metric():
    scoring = EpochScoring(
        "neg_root_mean_squared_error", name="rmse", use_caching=True, lower_is_better=False
    )
    record = validated(p.Weight(1.0), p.samples(p.ERRORS), callbacks=[scoring])
    return Seen(-record["rmse"])


def validation_randomness():
    def weight(validate):
        torch.manual_seed(0)
        check = p.samples(p.FOUR) if validate else None
        return fit(p.Noisy(), p.samples(p.FOUR), check=check, max_epochs=2).module_.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    four = p.samples(p.FOUR)
    return Seen(
        fit(p.Frozen(), four, check=four, batch_size=2, max_epochs=2).module_.norm.running_mean
    )


def skipped_update():
    raise NoNotionError("no float16 of its own; it leaves that to Accelerate")


def epoch_loss():
    net = fit(p.Weight(1.0), p.samples(p.FIVE), batch_size=2, lr=0.0)
    return Seen(net.history[-1, "train_loss"])
