"""Fabric: the loop is the user's, its parts are wrapped."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from lightning.fabric import Fabric
from parts import (
    EPOCHS,
    Detached,
    Listed,
    Net,
    Smooth,
    Squashed,
    batches,
    points,
    seen,
    sgd,
    slopes,
    squared,
)


def _fabric(**options):
    return Fabric(accelerator="cpu", devices=1, **options)


def _train(model, *, optimizer=None, loss_fn=None, data=None, fabric=None, clear=True):
    fabric, loss_fn = fabric or _fabric(), loss_fn or F.cross_entropy
    optimizer = optimizer or sgd(model)
    inner, losses = model, []
    model, optimizer = fabric.setup(model, optimizer)
    loader = fabric.setup_dataloaders(batches(data or points()))
    for _ in range(EPOCHS):
        for x, y in loader:
            if clear:
                optimizer.zero_grad()
            # here: probabilities-as-logits, eval-mode-training, unregistered-module
            loss = loss_fn(model(x), y)
            # here: broadcast-loss, stale-gradient, detached-loss
            fabric.backward(loss)
            # here: huge-update, tiny-update
            optimizer.step()
            losses.append(loss.item())
    return seen(inner, losses)


def plain():
    return _train(Net())


def accumulated():
    fabric, model, losses = _fabric(), Net(), []
    wrapped, optimizer = fabric.setup(model, sgd(model))
    for _ in range(EPOCHS):
        for number, (x, y) in enumerate(fabric.setup_dataloaders(batches(points()))):
            whole = number % 2 == 1
            with fabric.no_backward_sync(wrapped, enabled=not whole):
                loss = F.cross_entropy(wrapped(x), y) / 2
                fabric.backward(loss)
            if whole:
                optimizer.step()
                optimizer.zero_grad()
            losses.append(loss.item())
    return seen(model, losses)


def clipped_scheduled_and_validated():
    fabric, model, losses = _fabric(), Net(), []
    wrapped, optimizer = fabric.setup(model, sgd(model))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * 8)
    train, validation = fabric.setup_dataloaders(batches(points()), batches(points(48, 3)))
    for _ in range(EPOCHS):
        wrapped.train()
        for x, y in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(wrapped(x), y)
            fabric.backward(loss)
            fabric.clip_gradients(wrapped, optimizer, max_norm=1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        wrapped.eval()
        with torch.no_grad():
            losses.extend(F.cross_entropy(wrapped(x), y).item() for x, y in validation)
    return seen(model, losses)


def mixed_precision():
    return _train(Net(), fabric=_fabric(precision="bf16-mixed"))


def probabilities_as_logits():
    return _train(Squashed())


def broadcast_loss():
    return _train(Net(1), loss_fn=squared, data=slopes())


def eval_mode_training():
    return _train(Net().eval())


def unheld_parameter():
    model = Net()
    # here: unheld-parameter
    optimizer = torch.optim.SGD(model.hidden.parameters(), 0.1)
    return _train(model, optimizer=optimizer)


def unregistered_module():
    return _train(Listed())


def gradless_training():
    fabric, model = _fabric(), Net()
    wrapped, optimizer = fabric.setup(model, sgd(model))
    for x, y in fabric.setup_dataloaders(batches(points())):
        optimizer.zero_grad()
        with torch.no_grad():
            # here: gradless-training
            prediction = wrapped(x)
        fabric.backward(F.cross_entropy(prediction, y))
        optimizer.step()


def detached_loss():
    return _train(Detached())


def stale_gradient():
    return _train(Net(), clear=False)


def huge_update():
    model = Smooth(1)
    return _train(model, optimizer=sgd(model, 1e3), loss_fn=_one, data=slopes())


def tiny_update():
    model = Smooth(1)
    return _train(model, optimizer=sgd(model, 1e-9), loss_fn=_one, data=slopes())


def _one(prediction, target):
    return F.mse_loss(prediction.squeeze(1), target)


def kept_graph():
    fabric, model, losses = _fabric(), Net(), []
    wrapped, optimizer = fabric.setup(model, sgd(model))
    for _ in range(EPOCHS):
        for x, y in fabric.setup_dataloaders(batches(points())):
            optimizer.zero_grad()
            loss = F.cross_entropy(wrapped(x), y)
            fabric.backward(loss)
            optimizer.step()
            # here: kept-graph
            losses.append(loss)
    return losses
