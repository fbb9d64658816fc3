"""Ignite: `create_supervised_trainer` and `create_supervised_evaluator`, and its own handlers."""

from __future__ import annotations

import torch
from ignite.engine import Events, create_supervised_evaluator, create_supervised_trainer
from ignite.handlers import TerminateOnNan
from ignite.handlers.param_scheduler import LRScheduler
from ignite.metrics import Average, Loss, RootMeanSquaredError

from . import problems as p
from .measure import Seen

NAME, PACKAGE = "Ignite", "pytorch-ignite"


def sgd(model, lr=1.0):
    return torch.optim.SGD(model.parameters(), lr=lr)


def trained(model, loss_fn, loader, *, epochs=1, validation=None, handler=None, **options):
    trainer = create_supervised_trainer(model, sgd(model), loss_fn, **options)
    if validation is not None:
        evaluator = create_supervised_evaluator(model, {"loss": Loss(loss_fn)})
        trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(validation))
    if handler is not None:
        trainer.add_event_handler(Events.ITERATION_COMPLETED, handler)
    return trainer.run(loader, max_epochs=epochs)


def short_window():
    model = p.Weight()
    trained(model, p.mean, p.loader(p.samples(p.SIX)), gradient_accumulation_steps=4)
    return Seen(model.w)


def unequal_tokens():
    model = p.Tokens()
    trained(model, p.token_loss, p.loader(p.texts()), gradient_accumulation_steps=4)
    return Seen(model.w)


def evaluated(model, metric, loader):
    evaluator = create_supervised_evaluator(model, {"metric": metric})
    return evaluator.run(loader).metrics["metric"]


def uneven_evaluation():
    loader = p.loader(p.samples(p.FIVE), 2)
    return Seen(evaluated(p.Weight(1.0), Loss(p.mean), loader))


def masked_evaluation():
    def loss(**options):
        return evaluated(p.Tokens(1.0), Loss(p.token_loss, **options), p.loader(p.texts(), 2))

    option = "`Loss(..., batch_size=tokens that count)`"
    return Seen(loss(), {option: loss(batch_size=p.valid_tokens)})


def nan_logged():
    return Seen(trained(p.Rooted(), p.mean, p.loader(p.samples(p.BREAKING))).output)


def nan_weight():
    def weight(handler=None):
        model = p.Rooted()
        trained(model, p.mean, p.loader(p.samples(p.BREAKING)), handler=handler)
        return model.w

    return Seen(weight(), {"`TerminateOnNan()`": weight(TerminateOnNan())})


def schedule_frequency():
    def weight(event):
        model = p.Weight()
        optimizer = sgd(model)
        trainer = create_supervised_trainer(model, optimizer, p.mean, gradient_accumulation_steps=2)
        trainer.add_event_handler(event, LRScheduler(p.halving_every_two(optimizer)))
        trainer.run(p.loader(p.samples(p.TEN)), max_epochs=1)
        return model.w

    every = "the schedule attached to `ITERATION_STARTED(every=2)`"
    return Seen(
        weight(Events.ITERATION_STARTED), {every: weight(Events.ITERATION_STARTED(every=2))}
    )


def metric():
    loader = p.loader(p.samples(p.ERRORS), 2)
    return Seen(evaluated(p.Weight(1.0), RootMeanSquaredError(), loader))


def validation_randomness():
    def weight(validate):
        torch.manual_seed(0)
        model, held_out = p.Noisy(), p.loader(p.samples(p.FOUR)) if validate else None
        trained(model, p.mean, p.loader(p.samples(p.FOUR)), epochs=2, validation=held_out)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm():
    model, held_out = p.Frozen(), p.loader(p.samples(p.FOUR), 2)
    trained(model, p.mean, p.loader(p.samples(p.FOUR), 2), epochs=2, validation=held_out)
    return Seen(model.norm.running_mean)


def skipped_update():
    """``amp_mode`` is CUDA's autocast, so the model does that by itself; the scaler is given."""
    model = p.Half()
    optimizer, scaler = sgd(model), torch.amp.GradScaler("cpu")
    updates = p.Updates(optimizer)
    trainer = create_supervised_trainer(model, optimizer, p.mean, amp_mode="amp", scaler=scaler)
    trainer.add_event_handler(Events.ITERATION_STARTED, LRScheduler(p.halving(optimizer)))
    trainer.run(p.loader(p.samples(p.FOUR, torch.float32)), max_epochs=1)
    updates.must_be(3)
    return Seen(model.linear.weight)


def epoch_loss():
    """By its quickstart: the evaluator runs over the training data when the epoch is over."""
    model, loader = p.Weight(1.0), p.loader(p.samples(p.FIVE), 2)
    trainer = create_supervised_trainer(model, sgd(model, 0.0), p.mean)
    Average().attach(trainer, "average")
    average = trainer.run(loader, max_epochs=1).metrics["average"]
    option = "`Average()` of the trainer's own losses, without a second pass"
    how = "a second pass over the training data after the epoch, as in its quickstart"
    return Seen(evaluated(model, Loss(p.mean), loader), {option: average}, how)
