"""The loss swings instead of settling: each update throws the weights past the minimum.

*Why is this bad?*
An update goes further than the slope is good for, the next gradient points straight back, and the
weights are thrown from one side of the valley to the other. The loss stays above what a smaller
step would reach, and a little more makes it climb.

*What to do*
Take a third or a tenth of the rate, or let a schedule bring it down; clip the norm of the gradient
where only some steps are too long; normalise inputs that are stretched in one direction.

*When it is wrong*
Batches that differ make any loss restless, networks train well while gradients turn, and tasks that
take turns pull in turn. Only gradients that point against the last, again and again, with long
updates and a loss that does not fall below where it has been, are named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

import torch
from torch import nn

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.rules.flat_loss import only_loss
from fivestep.vitals import OptimizerFacts, Record, Series, Update, Vitals

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("curve",)
EXPLAINS = ("flat-loss", "collapsed-output")
WITHOUT = {
    "momentum": "swings in long waves and not from one update to the next",
    "adam": "divides the gradient by its size: the same rate is no swing there",
    "adamw": "divides the gradient by its size: the same rate is no swing there",
    "rmsprop": "divides the gradient by its size: the same rate is no swing there",
    "bfloat16": "left out by judgement, not tried: rounding may end a swing of equal sides",
}

LOSSES = 12  # fewer are no swing
OPPOSED = (
    -0.8
)  # median cosine of consecutive gradients. In the noise at the minimum it is -rate*h/2
LONG = (
    0.02  # update to weight norm. Digits that learn with turning gradients: up to 0.2, loss falling
)
STAYS = 0.7  # last third to the first losses: digits at rates 1 to 5, turning: below 0.3

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """Gradients that turn round with every update, and a loss that does not fall."""
    series = only_loss(record)
    stepping = [one for one in record.optimizers if one.updates]
    if series is None or len(stepping) != 1 or series.count < LOSSES or not _stays(series):
        return
    updates = [(v, e) for v, e in record.events(Update) if e.cosine is not None and e.ratio]
    late = updates[len(updates) // 2 :]
    if len(updates) >= LOSSES // 2 and late:
        cosine = median(e.cosine or 0.0 for _, e in late)
        ratio = median(e.ratio or 0.0 for _, e in late)
        if math.isfinite(ratio) and cosine < OPPOSED and ratio > LONG:
            yield _say(updates, stepping[0], series, cosine, ratio)


def _stays(series: Series) -> bool:
    values = series.values
    third = max(3, len(values) // 3)
    return median(values[-third:]) > STAYS * median(values[:3])


def _say(
    updates: list[Seen], optimizer: OptimizerFacts, series: Series, cosine: float, ratio: float
) -> Finding:
    turning = [(v, e) for v, e in updates if (e.cosine or 0.0) < OPPOSED]
    vitals, first = turning[0]
    rate = max(first.rates, default=math.nan)
    late = series.values[-max(3, len(series.values) // 3) :]
    return Finding(
        message=f"the loss swings between {min(late):.3g} and {max(late):.3g} and does not settle: each gradient points against the last (cosine {cosine:.2f})",
        cause=f"the rate {rate:g} of {receiver(first.site, 'step', optimizer.kind)} is too high: updates of {ratio:.2g} of the weights jump over the minimum",
        fix=f"take a tenth of it, lr={rate / 10:g}, or a schedule that brings it down",
        evidence={
            "cosine_with_last_gradient": cosine,
            "update_to_weight": ratio,
            "rate": rate,
            "first_loss": series.values[0],
            "lowest": min(late),
            "highest": max(late),
        },
        site=first.site,
        iteration=vitals.iteration,
        count=len(turning),
        confidence=0.8,
    )


def _data(practice: Practice) -> tuple[torch.Tensor, torch.Tensor, float]:
    """Points of a line, and the rate at which an update lands as far behind the minimum."""
    x = torch.linspace(-2, 2, practice.batch_size)[:, None]
    return practice.cast(x), practice.cast(2 * x), 1.0 / float(x.square().mean())


def sick(practice: Practice) -> None:
    x, y, rate = _data(practice)
    model, loss_fn = practice.model(nn.Linear(1, 1, bias=False)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model, lr=rate)
    for _ in range(practice.updates * practice.accumulate):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    x, y, rate = _data(practice)
    model, loss_fn = practice.model(nn.Linear(1, 1, bias=False)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model, lr=rate / 10)
    for _ in range(practice.updates * practice.accumulate):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
