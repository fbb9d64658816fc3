"""The learning rate is far too low: the updates cannot bring the loss down in any time.

*Why is this bad?*
Every gradient points the same way, and every update goes a millionth of it. The loss falls in a
straight line so slowly that it looks as if nothing could be learned.

*What to do*
Take ten times the rate, again until the loss falls, and stop before it swings:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

If the gradient is clipped to next to nothing, raise the limit. In half precision a change below
the last digit is lost: keep the weights in float32.

*When it is wrong*
The rate itself says nothing (1e-6 is right for a loss summed over a million terms), so it is what
the updates can take off the loss, gradient times change, that is judged. A warm-up, a model that is
trained already and a loop with several losses are not named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from torch import nn

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.reading import at_rate
from fivestep.rules.flat_loss import chance, only_loss, slope
from fivestep.vitals import Clip, OptimizerFacts, Record, Series, Update, Vitals

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = ("flat-loss", "collapsed-output")

# Gradient times change over loss: the share of the loss that one update can take away at most.
# Digits and regressions, 2 optimizers and 4 models: 2e-3 to 1 at rates that learn, 2e-5 to 6e-5 at
# Adam's 1e-5 (fine-tuning); at 1e-6 (SGD) and 1e-8 (Adam) 6e-8 to 5e-6.
PROMISE = 3e-6  # in a run of a few updates
PATIENT = 2e-5  # in a run of at least 50
MANY = 50  # updates
UPDATES = 8  # measured, before anybody may say so
FALLEN = (
    0.5  # of the first losses: below it something learns, whatever the numbers say. Noise: 0.63
)
TOTAL = 0.02  # of the loss, over all updates of the run: less is nothing
SLOPE = (
    0.01  # gradient times weights over loss: below it there is no way down to go. Untrained: 0.5
)
AGREE = 0.3  # median cosine of consecutive gradients. Far from the minimum 0.5 to 1; at it not measured: the limit is chosen
AT_START = 0.9  # of what a constant answer costs: the model is surely untrained

Seen = tuple[Vitals, Update]
USUAL = 3e-3  # update to weight norm. Digits at a rate that learns: 8e-3; Adam at 1e-3: about 1e-3


def check(record: Record) -> Iterator[Finding]:
    """There is a slope, its gradients agree, and the updates take next to nothing off the loss."""
    series = only_loss(record)
    stepping = [one for one in record.optimizers if one.updates]
    if series is None or len(stepping) != 1 or not _stays(series) or _rises(stepping[0]):
        return
    losses = dict(series.points)
    updates = [(v, e) for v, e in record.events(Update) if e.norms and losses.get(v.iteration)]
    if len(updates) < UPDATES or not all(_has_slope(v, e, losses[v.iteration]) for v, e in updates):
        return
    promise = median(_promise(record, e, losses[v.iteration]) for v, e in updates)
    limit = PATIENT if stepping[0].updates >= MANY else PROMISE
    if (
        promise < limit
        and promise * stepping[0].updates < TOTAL
        and _untrained(record, updates, series)
    ):
        yield _say(record, stepping[0], updates, series, promise)


def _stays(series: Series) -> bool:
    values = series.values
    quarter = max(1, len(values) // 4)
    return len(values) >= UPDATES and median(values[-quarter:]) > FALLEN * median(values[:quarter])


def _rises(optimizer: OptimizerFacts) -> bool:
    """A warm-up: the rate is still on its way."""
    rates = [rate for _, rate in optimizer.rates]
    return bool(rates) and (rates[-1] > 1.5 * rates[0] or not max(rates))


def _has_slope(vitals: Vitals, update: Update, loss: float) -> bool:
    worth = slope(vitals, update) / loss
    return math.isfinite(worth) and worth > SLOPE


def _promise(record: Record, update: Update, loss: float) -> float:
    """Of large parameters a part was measured: counted up to all of it."""
    total = 0.0
    for norm in update.norms or ():
        elements = math.prod(record.parameters[norm.parameter].shape)
        total += (norm.gradient or 0.0) * norm.update * max(1.0, elements / 65_536)
    return total / loss


def _untrained(record: Record, updates: list[Seen], series: Series) -> bool:
    cosines = [event.cosine for _, event in updates if event.cosine is not None]
    if cosines and median(cosines) > AGREE:
        return True
    level = chance(record, series)
    return level is not None and median(series.values) > AT_START * level


def _say(
    record: Record, optimizer: OptimizerFacts, updates: list[Seen], series: Series, promise: float
) -> Finding:
    vitals, first = updates[0]
    rate = max(first.rates, default=math.nan)
    name = receiver(first.site, "step", optimizer.kind)
    ratio = median(event.ratio or 0.0 for _, event in updates)
    higher = at_rate(optimizer.site, rate, rate * _factor(ratio))
    cause, fix = _why(record, updates, name, rate, higher)
    return Finding(
        message=f"an update changes the weights by {ratio:.1g} of their length, and the loss goes from {series.values[0]:.4g} to {series.values[-1]:.4g} only",
        cause=cause,
        fix=fix,
        evidence={
            "update_to_weight": ratio,
            "rate": rate,
            "loss_share_per_update": promise,
            "first_loss": series.values[0],
            "last_loss": series.values[-1],
        },
        site=first.site,
        iteration=vitals.iteration,
        count=optimizer.updates,
        confidence=0.9,
    )


def _factor(ratio: float) -> float:
    """A power of ten that brings the update to its usual length; without one, a thousand."""
    return 10.0 ** max(1, round(math.log10(USUAL / ratio))) if ratio > 0 else 1000.0


def _why(
    record: Record, updates: list[Seen], name: str, rate: float, higher: str
) -> tuple[str, str]:
    norm = median(event.gradient_norm or 0.0 for _, event in updates)
    clips = [e for _, e in record.events(Clip) if e.total_norm]
    clip = (
        max(clips, key=lambda e: (e.total_norm or 0.0) / e.limit, default=None) if clips else None
    )
    if clip is not None and clip.limit and (clip.total_norm or 0.0) > 100 * clip.limit:
        return (
            f"gradients of norm {clip.total_norm:.2g} are clipped to {clip.limit:g}, so next to nothing is left",
            "raise the limit of the clipping, to about 1",
        )
    if all(not event.update_norm for _, event in updates):
        return (
            f"the learning rate {rate:g} of {name} changes the weights by less than their last digit",
            f"take a rate that is felt, {higher} to begin with, and keep the weights in float32",
        )
    return (
        f"the learning rate {rate:g} of {name} is far too low for gradients of norm {norm:.2g}",
        f"take a far higher rate to begin with, and a tenth of it if the loss jumps: {higher}",
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model, lr=1e-8)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model, lr=1e-2)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
