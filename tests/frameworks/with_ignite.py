"""Ignite: an engine calls one function for every batch, its own or the user's."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from ignite.engine import (
    Engine,
    Events,
    create_supervised_evaluator,
    create_supervised_trainer,
)
from ignite.handlers import LRScheduler
from ignite.metrics import Accuracy, Loss
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
from torch import nn


def _train(model, *, optimizer=None, loss_fn=None, data=None, prepare=None, **options):
    optimizer = optimizer or sgd(model)
    loss_fn = loss_fn or nn.CrossEntropyLoss()
    trainer = create_supervised_trainer(model, optimizer, loss_fn, **options)
    losses = []
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output)
    )
    if prepare is not None:
        prepare(trainer, model, optimizer, losses)
    loader = batches(data or points())
    # here: probabilities-as-logits, broadcast-loss, unregistered-module, huge-update, tiny-update
    # here: detached-loss
    trainer.run(loader, max_epochs=EPOCHS)
    return seen(model, losses)


def plain():
    return _train(Net())


def accumulated():
    return _train(Net(), gradient_accumulation_steps=2)


def _validate(trainer, model, optimizer, losses):
    metrics = {"accuracy": Accuracy(), "loss": Loss(nn.CrossEntropyLoss())}
    evaluator = create_supervised_evaluator(model, metrics)

    @trainer.on(Events.EPOCH_COMPLETED)
    def check(engine):
        evaluator.run(batches(points(48, 3), shuffle=False))
        losses.append(evaluator.state.metrics["loss"])


def validated():
    return _train(Net(), prepare=_validate)


def _schedule(trainer, model, optimizer, losses):
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS * 8)
    trainer.add_event_handler(Events.ITERATION_COMPLETED, LRScheduler(schedule))


def scheduled():
    return _train(Net(), prepare=_schedule)


def _run(update, model):
    losses = []
    trainer = Engine(update)
    trainer.add_event_handler(
        Events.ITERATION_COMPLETED, lambda engine: losses.append(engine.state.output)
    )
    trainer.run(batches(points()), max_epochs=EPOCHS)
    return seen(model, losses)


def clipped_in_mixed_precision():
    model = Net()
    optimizer = sgd(model)

    def update(engine, batch):
        x, y = batch
        model.train()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return _run(update, model)


def probabilities_as_logits():
    return _train(Squashed())


def broadcast_loss():
    return _train(Net(1), loss_fn=squared, data=slopes())


def eval_mode_training():
    model = Net().eval()
    optimizer = sgd(model)

    def update(engine, batch):
        x, y = batch
        optimizer.zero_grad()
        # here: eval-mode-training
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return _run(update, model)


def unheld_parameter():
    model = Net()
    # here: unheld-parameter
    optimizer = torch.optim.SGD(model.hidden.parameters(), 0.1)
    return _train(model, optimizer=optimizer)


def unregistered_module():
    return _train(Listed())


def gradless_training():
    model = Net()
    optimizer = sgd(model)

    def update(engine, batch):
        x, y = batch
        optimizer.zero_grad()
        with torch.no_grad():
            # here: gradless-training
            prediction = model(x)
        loss = F.cross_entropy(prediction, y)
        loss.backward()
        optimizer.step()

    return _run(update, model)


def detached_loss():
    return _train(Detached())


def stale_gradient():
    model = Net()
    optimizer = sgd(model)

    def update(engine, batch):
        x, y = batch
        loss = F.cross_entropy(model(x), y)
        # here: stale-gradient
        loss.backward()
        optimizer.step()
        return loss.item()

    return _run(update, model)


def _one(prediction, target):
    return F.mse_loss(prediction.squeeze(1), target)


def huge_update():
    model = Smooth(1)
    return _train(model, optimizer=sgd(model, 1e3), loss_fn=_one, data=slopes())


def tiny_update():
    model = Smooth(1)
    return _train(model, optimizer=sgd(model, 1e-9), loss_fn=_one, data=slopes())


def kept_graph():
    model, kept = Net(), []
    optimizer = sgd(model)

    def update(engine, batch):
        x, y = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        # here: kept-graph
        kept.append(loss)
        return loss.item()

    return _run(update, model)
