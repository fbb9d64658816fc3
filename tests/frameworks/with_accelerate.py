"""Accelerate: the loop is the user's, its parts are prepared."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from accelerate import Accelerator
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


def _accelerator(**options):
    return Accelerator(cpu=True, **options)


def _train(model, *, optimizer=None, loss_fn=None, data=None, accelerator=None, clear=True):
    accelerator, loss_fn = accelerator or _accelerator(), loss_fn or F.cross_entropy
    inner, losses = model, []
    model, optimizer, loader = accelerator.prepare(
        model, optimizer or sgd(model), batches(data or points())
    )
    for _ in range(EPOCHS):
        for x, y in loader:
            if clear:
                optimizer.zero_grad()
            # here: probabilities-as-logits, eval-mode-training, unregistered-module
            loss = loss_fn(model(x), y)
            # here: broadcast-loss, stale-gradient, detached-loss
            accelerator.backward(loss)
            # here: huge-update, tiny-update
            optimizer.step()
            losses.append(loss.item())
    return seen(inner, losses)


def plain():
    return _train(Net())


def accumulated():
    accelerator, model, losses = _accelerator(gradient_accumulation_steps=2), Net(), []
    wrapped, optimizer, loader = accelerator.prepare(model, sgd(model), batches(points()))
    for _ in range(EPOCHS):
        for x, y in loader:
            with accelerator.accumulate(wrapped):
                loss = F.cross_entropy(wrapped(x), y)
                accelerator.backward(loss)
                optimizer.step()
                optimizer.zero_grad()
            losses.append(loss.item())
    return seen(model, losses)


def clipped_scheduled_and_validated():
    accelerator, model, losses = _accelerator(), Net(), []
    optimizer = sgd(model)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * 8)
    wrapped, optimizer, schedule, train, validation = accelerator.prepare(
        model, optimizer, schedule, batches(points()), batches(points(48, 3), shuffle=False)
    )
    for _ in range(EPOCHS):
        wrapped.train()
        for x, y in train:
            optimizer.zero_grad()
            loss = F.cross_entropy(wrapped(x), y)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(wrapped.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        wrapped.eval()
        with torch.no_grad():
            losses.extend(F.cross_entropy(wrapped(x), y).item() for x, y in validation)
    return seen(model, losses)


def mixed_precision():
    return _train(Net(), accelerator=_accelerator(mixed_precision="bf16"))


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
    accelerator, model = _accelerator(), Net()
    wrapped, optimizer, loader = accelerator.prepare(model, sgd(model), batches(points()))
    for x, y in loader:
        optimizer.zero_grad()
        with torch.no_grad():
            # here: gradless-training
            prediction = wrapped(x)
        accelerator.backward(F.cross_entropy(prediction, y))
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
    accelerator, model, losses = _accelerator(), Net(), []
    wrapped, optimizer, loader = accelerator.prepare(model, sgd(model), batches(points()))
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(wrapped(x), y)
            accelerator.backward(loss)
            optimizer.step()
            # here: kept-graph
            losses.append(loss)
    return losses
