"""skorch: everything is inside, the user gives a module, a loss and an optimizer."""

from __future__ import annotations

import skorch
import torch
from accelerate import Accelerator
from parts import EPOCHS, Detached, Listed, Net, Smooth, Squashed, points, seen, slopes, squared
from skorch.callbacks import EpochScoring, GradientNormClipping, LRScheduler
from skorch.hf import AccelerateMixin
from torch import nn

SGD = {
    "optimizer": torch.optim.SGD,
    "optimizer__momentum": 0.9,
    "lr": 0.1,
}


def _fit(module, *, data=None, kind=skorch.NeuralNet, **options):
    usual = {
        **SGD,
        "criterion": nn.CrossEntropyLoss,
        "batch_size": 16,
        "max_epochs": EPOCHS,
        "iterator_train__shuffle": True,
        "train_split": None,
        "verbose": 0,
    }
    net = kind(module, **{**usual, **options})
    x, y = (data or points()).tensors
    # here: probabilities-as-logits, broadcast-loss, unregistered-module, huge-update, tiny-update
    # here: detached-loss
    net.fit(x.numpy(), y.numpy())
    losses = [batch.get("train_loss", 0.0) for epoch in net.history for batch in epoch["batches"]]
    return seen(net.module_, [*losses, *(e.get("valid_loss", 0.0) for e in net.history)])


def plain():
    return _fit(Net)


def validated():
    split = skorch.dataset.ValidSplit(4)
    return _fit(Net, train_split=split, kind=skorch.NeuralNetClassifier)


def scored():
    return _fit(
        Net,
        kind=skorch.NeuralNetClassifier,
        callbacks=[EpochScoring("accuracy", on_train=True)],
    )


def clipped():
    return _fit(Net, callbacks=[GradientNormClipping(1.0)])


def scheduled():
    policy = torch.optim.lr_scheduler.CosineAnnealingLR
    return _fit(Net, callbacks=[LRScheduler(policy, T_max=EPOCHS)])


def scheduled_by_batch():
    policy = torch.optim.lr_scheduler.CosineAnnealingLR
    return _fit(Net, callbacks=[LRScheduler(policy, step_every="batch", T_max=EPOCHS * 8)])


class Accumulating(skorch.NeuralNet):
    """As its documentation shows it."""

    def get_loss(self, *args, **kwargs):
        return super().get_loss(*args, **kwargs) / 2

    def train_step(self, batch, **rest):
        number = len(self.history[-1, "batches"]) - 1
        result = self.train_step_single(batch, **rest)
        if number % 2:
            self.optimizer_.step()
            self.optimizer_.zero_grad()
        return result


def accumulated():
    return _fit(Net, kind=Accumulating)


class Stepping(torch.optim.LBFGS):
    def __init__(self, parameters, lr, momentum):
        super().__init__(parameters, lr=lr, max_iter=4)


def lbfgs():
    return _fit(Smooth, optimizer=Stepping)


class Accelerated(AccelerateMixin, skorch.NeuralNet):
    """In mixed precision, which skorch leaves to Accelerate."""


def mixed_precision():
    accelerator = Accelerator(cpu=True, mixed_precision="bf16")
    return _fit(Net, kind=Accelerated, accelerator=accelerator)


def probabilities_as_logits():
    return _fit(Squashed)


class Squared(nn.Module):
    def forward(self, prediction, target):
        return squared(prediction, target)


def broadcast_loss():
    return _fit(Net(1), criterion=Squared, data=slopes())


class Asleep(skorch.NeuralNet):
    def train_step_single(self, batch, **rest):
        self.module_.eval()
        x, y = batch
        # here: eval-mode-training
        loss = self.get_loss(self.infer(x), y)
        loss.backward()
        return {"loss": loss, "y_pred": None}


def eval_mode_training():
    return _fit(Net, kind=Asleep)


class HeadForgotten(skorch.NeuralNet):
    def initialize_optimizer(self, *rest, **options):
        # here: unheld-parameter
        self.optimizer_ = torch.optim.SGD(self.module_.hidden.parameters(), 0.1)
        return self


def unheld_parameter():
    return _fit(Net, kind=HeadForgotten)


def unregistered_module():
    return _fit(Listed)


class WithoutGradients(skorch.NeuralNet):
    def infer(self, x, **rest):
        with torch.no_grad():
            # here: gradless-training
            return super().infer(x, **rest)


def gradless_training():
    return _fit(Net, kind=WithoutGradients)


def detached_loss():
    return _fit(Detached)


class Even(nn.Module):
    def forward(self, prediction, target):
        return nn.functional.mse_loss(prediction.squeeze(1), target)


def huge_update():
    return _fit(Smooth(1), criterion=Even, data=slopes(), lr=1e3)


def tiny_update():
    return _fit(Smooth(1), criterion=Even, data=slopes(), lr=1e-9)


class NeverCleared(skorch.NeuralNet):
    def train_step(self, batch, **rest):
        # here: stale-gradient
        result = self.train_step_single(batch, **rest)
        self.optimizer_.step()
        return result


def stale_gradient():
    return _fit(Net, kind=NeverCleared)


class Keeping(skorch.NeuralNet):
    def get_loss(self, *args, **kwargs):
        loss = super().get_loss(*args, **kwargs)
        self.kept_ = getattr(self, "kept_", [])
        # here: kept-graph
        self.kept_.append(loss)
        return loss


def kept_graph():
    return _fit(Net, kind=Keeping)
