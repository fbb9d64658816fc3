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
updates and a loss that does not fall below where it has been, are named; and long waves, where
nothing but the weights differs from one iteration to the next.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

import torch
from torch import nn

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.reading import at_rate
from fivestep.rules.flat_loss import only_loss
from fivestep.vitals import Forward, OptimizerFacts, Record, Series, Update, Vitals

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
THROWN = 0.3  # update to weight norm, the median of the late ones. Linear models, SGD at 0.5 with
# momentum 0.995: 0.54; settling with momentum 0.9 at 0.3: 0.14
LOWER = 1.3  # times the lowest loss before: L1 on a line at rate 0.6, swinging: 1.6
FLIPS = 0.85  # share of rises that a fall follows, and falls a rise. A swing: 0.95; noise: 2/3
WIDE = 0.03  # a rise or fall to the loss, the median. The tanh network below: 0.13
FALLS = 20  # rises and falls at the end: fewer flip by chance
KEPT_UP = 0.1  # of the first loss: far below it the swing is that of a solved task
TWICE = 2.0  # the median of a wave to the lowest loss: Friedman's data as above 2.4

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """Gradients that turn round with every update, and a loss that does not fall."""
    series = only_loss(record)
    stepping = [one for one in record.optimizers if one.updates]
    if series is None or len(stepping) != 1 or series.count < LOSSES:
        return
    updates = [(v, e) for v, e in record.events(Update) if e.cosine is not None and e.ratio]
    late = [event for _, event in updates[len(updates) // 2 :]]
    if len(updates) < LOSSES // 2 or not late:
        return
    cosine = median(e.cosine or 0.0 for e in late)
    ratio = median(e.ratio or 0.0 for e in late)
    turns = cosine < OPPOSED and ratio > LONG and (_stays(series) or _was_lower(series))
    waves = ratio > THROWN and _far_above(series) and _only_weights_differ(record)
    swings = _swings(series) and _was_lower(series) and _only_weights_differ(record)
    if math.isfinite(ratio) and (turns or waves or swings):
        yield _say(updates, stepping[0], series, cosine, ratio)


def _stays(series: Series) -> bool:
    values = series.values
    third = max(3, len(values) // 3)
    return median(values[-third:]) > STAYS * median(values[:3])


def _was_lower(series: Series) -> bool:
    """Every loss of the last third is well above one that was there before."""
    values = series.values
    third = max(3, len(values) // 3)
    return min(values[-third:]) > LOWER * min(values[:-third], default=math.inf)


def _swings(series: Series) -> bool:
    """At the end the loss rises and falls in turn, and far. Every loss is known, not every update."""
    values = series.values
    end = values[-max(3, len(values) // 3) :]
    steps = [after - before for before, after in pairwise(end)]
    flips = sum(one * other < 0 for one, other in pairwise(steps))
    level = median(end)
    far = level > KEPT_UP * values[0] and median(map(abs, steps)) > WIDE * level
    return series.stride == 1 and len(steps) >= FALLS and far and flips >= FLIPS * (len(steps) - 1)


def _far_above(series: Series) -> bool:
    """A swing comes by the minimum now and then; most of it is far above."""
    values = series.values
    return median(values[-max(3, len(values) // 3) :]) > TWICE * min(values)


def _only_weights_differ(record: Record) -> bool:
    """The same rows again and again, no dropout and no closure: the loss swings with the weights."""
    if any(event.closure for _, event in record.events(Update)):
        return False
    seen = [e for v, e in record.events(Forward) if e.backward and e.inputs and v.detailed]
    rows = {
        tuple((one.shape, one.numbers.digest) for one in e.inputs or () if one.numbers)
        for e in seen
    }
    kinds = {run.kind for e in seen for run in e.modules or () if run.training}
    random = any("Drop" in kind for kind in kinds) or any(e.dropped for e in seen)
    return len(rows) == 1 and rows != {()} and not random


def _say(
    updates: list[Seen], optimizer: OptimizerFacts, series: Series, cosine: float, ratio: float
) -> Finding:
    turning = [(v, e) for v, e in updates if (e.cosine or 0.0) < OPPOSED]
    turns = cosine < OPPOSED
    thrown = turning if turns else [(v, e) for v, e in updates if (e.ratio or 0.0) > THROWN]
    thrown = thrown or updates[-1:]  # a swing that came after most of what was measured
    vitals, first = thrown[0]
    rate = max(first.rates, default=math.nan)
    late = series.values[-max(3, len(series.values) // 3) :]
    ratio = max((e.ratio or 0.0 for _, e in thrown), default=ratio) if not turns else ratio
    how = f"each gradient points against the last (cosine {cosine:.2f})"
    if not turns:
        how = f"it was {min(series.values):.3g} before, on the same rows"
    return Finding(
        message=f"the loss swings between {min(late):.3g} and {max(late):.3g} and does not settle: {how}",
        cause=f"the learning rate {rate:g} of {receiver(first.site, 'step', optimizer.kind)} is too high: updates of {ratio:.2g} of the weights jump over the minimum",
        fix=f"take a tenth of it: {at_rate(optimizer.site, rate, rate / 10)}; or a schedule that brings it down",
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
        count=len(thrown),
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
