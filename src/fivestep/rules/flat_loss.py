"""Nothing is learned: the loss stays at what one constant answer would give.

*Why is this bad?*
The loop runs, the weights change, and the predictions know no more of the inputs than at the
start. Something holds them there: weight decay that is stronger than the gradient, updates so long
that the units died at once, dropout that lets next to nothing through, a gradient of nothing (a
``round``, a ``sign``, a ``clamp`` on the wrong side), or inputs and targets that come from two
loaders, each shuffled for itself.

*What to do*
In the order of what is seen: lower the weight decay, take a tenth of the rate, lower the dropout,
normalise inputs and layers so that a gradient arrives. Then see whether the model can learn a
single batch by heart: if not, look at the loss and the targets.

*When it is wrong*
A flat loss alone is no fault: random labels, a GAN in balance, a policy, a model that is already
trained. Only a loss that never fell below the constant answer, together with one of the signs
above, is named; targets that were mixed up before they came to the loader leave no sign. A loss
that is slow but falls as steadily at the end as at the start is not flat.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean, median, stdev
from typing import NamedTuple

from torch import nn

from fivestep.finding import Fact, Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Batch,
    Forward,
    Loss,
    OptimizerFacts,
    Record,
    Series,
    State,
    Update,
    Vitals,
)

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("curve",)
WITHOUT = {"compile": "what runs inside a compiled model is not seen"}

LOSSES = 12  # fewer say nothing
UPDATES = 8  # measured, before anybody may say so
FLAT = 0.85  # of the constant answer, for each quarter: chosen, not measured on runs that learn;
# few small batches through a heavy dropout swing down to 0.87
STEADY = 1 / 3  # of the first quarter's fall, for each later one: chosen, not measured
SURE = 3.0  # standard errors of a quarter's mean that every fall is longer than
SHRUNK = 0.3  # last to first weight norm: chosen, not measured
LONG = 0.3  # update to weight norm among the first. Sound: up to 0.1; the sick side: not measured
DROPPED = 0.9  # share of a layer that dropout takes away: chosen, not measured
SLIGHT = 1e-3  # gradient times weights over loss. Untrained networks: 0.5 to 20; random labels: 0.6

LEVEL = ("round", "sign", "sgn", "floor", "ceil", "trunc", "clamp", "clampmin", "clampmax")


class Sign(NamedTuple):
    """What holds the loss where it is."""

    cause: str
    fix: str
    evidence: dict[str, Fact]


def check(record: Record) -> Iterator[Finding]:
    """One loss, one optimizer, never better than a constant, and a sign of why."""
    series = only_loss(record)
    stepping = [one for one in record.optimizers if one.updates]
    if series is None or len(stepping) != 1 or series.count < LOSSES:
        return
    quarter = len(series.values) // 4
    known = chance(record, series)
    level = known or median(series.values[:quarter])
    if not known and level < FLAT * series.values[0]:
        return  # it fell from where the untrained model stood: what a constant gives is not known
    starts = range(0, len(series.values) - quarter + 1, quarter)
    flat = all(median(series.values[at : at + quarter]) > FLAT * level for at in starts)
    sign = _still(record, stepping[0])
    if sign is None and flat and not falls_steadily(series.values):
        sign = _sign(record, stepping[0], series) or _mixed_up(record)
    if sign is not None:
        yield _say(series, level, sign)


def falls_steadily(values: list[float]) -> bool:
    """Each quarter lies below the one before it, beyond the noise, and the fall does not die out."""
    length = len(values) // 4
    quarters = [values[at * length : (at + 1) * length] for at in range(4)]
    falls = [before - after for before, after in pairwise(map(fmean, quarters))]
    noise = fmean(map(stdev, quarters)) / math.sqrt(length)
    return min(falls) > max(SURE * noise, STEADY * falls[0])


def only_loss(record: Record) -> Series | None:
    """The training loss if there is one only and it has a floor."""
    training = [one for one in record.series if one.kind == "training"]
    if len(training) != 1 or training[0].bad or min(training[0].values, default=-1.0) < 0:
        return None
    return training[0]


def chance(record: Record, series: Series) -> float | None:
    """The loss of the best constant answer where all classes are alike, None if it is not known."""
    known = dict(series.points)
    heard = [
        (v.iteration, e, level) for v, e in record.events(Loss) if (level := _level(e)) is not None
    ]
    shares = [known[at] / e.value for at, e, _ in heard if at in known and e.value]  # of a window
    return median(level for _, _, level in heard) * min(1.0, median(shares)) if shares else None


def _level(event: Loss) -> float | None:
    prediction, target = event.prediction, event.target
    if not event.backward or event.reduction != "mean" or prediction is None or target is None:
        return None
    if event.function in ("cross_entropy", "nll_loss") and len(prediction.shape) > 1:
        return math.log(prediction.shape[1])
    if event.function.startswith("binary_cross_entropy"):
        return math.log(2)
    if event.function == "mse_loss" and target.numbers is not None:
        return target.numbers.std**2
    return None


def _sign(record: Record, optimizer: OptimizerFacts, series: Series) -> Sign | None:
    seen = [
        (v, e)
        for v, e in record.events(Update)
        if e.optimizer == optimizer.number and e.weight_norm
    ]
    if len(seen) < UPDATES:
        return None
    updates, slopes = [e for _, e in seen], [slope(v, e) for v, e in seen]
    name = receiver(updates[0].site, "step", "optimizer")
    return (
        _decayed(updates, optimizer)
        or _thrown(updates, name)
        or _dropped(record)
        or _slight(slopes, median(series.values))
    )


def _still(record: Record, optimizer: OptimizerFacts) -> Sign | None:
    """Gradients there were, from the first update to the last, and all of them exactly 0."""
    seen = [e for _, e in record.events(Update) if e.optimizer == optimizer.number and e.norms]
    trained = any(True for _ in record.events(State)) or record.problems
    if trained or len(seen) < UPDATES or any(e.gradient_norm != 0.0 for e in seen):
        return None
    held = [record.parameters[number] for number in optimizer.parameters]
    if any(one.nonzero for one in held) or not all(one.graded for one in held):
        return None
    step = _step_behind(record)
    return Sign(
        f"every gradient is exactly 0 from the first update on{step and f': `{step}` is level where it is taken'}",
        f"leave `{step}` out of the training, or put something with a slope in its place"
        if step
        else "look for the operation behind the loss that is level there: a clamp, a mask, a weight of 0",
        {"gradient_norm": 0.0, "updates_measured": len(seen)},
    )


def _step_behind(record: Record) -> str:
    """The operation with a slope of 0, "" if none was seen; a clamp may have one, so it comes last."""
    graphs = (event.graph for _, event in record.events(Backward) if event.graph is not None)
    nodes = [node.name.split("Backward")[0].lower() for graph in graphs for node in graph.nodes]
    return next((name for name in LEVEL if name in nodes), "")


def _mixed_up(record: Record) -> Sign | None:
    """Each batch comes from two loaders as long as each other, and each shuffles for itself."""
    trained = [v for v in record.iterations if v.trains]
    pairs = {tuple(sorted({one.loader for one in v.of(Batch)})) for v in trained}
    if len(pairs) != 1 or len(pair := pairs.pop()) != 2:
        return None
    first, second = (record.loaders[number] for number in pair)
    alike = first.samples == second.samples and first.batch_size == second.batch_size
    two = first.dataset_identity != second.dataset_identity
    if not (alike and two and first.samples and first.shuffles and second.shuffles):
        return None
    return Sign(
        "inputs and targets come from two loaders, and each shuffles for itself: no target belongs to its input",
        "put both into one data set: `TensorDataset(inputs, targets)`, and shuffle that",
        {"loaders": 2, "samples": first.samples},
    )


def _decayed(updates: list[Update], optimizer: OptimizerFacts) -> Sign | None:
    decay = max((group.get("weight_decay", 0.0) for group in optimizer.groups), default=0.0)
    first, last = updates[0].weight_norm or 0.0, updates[-1].weight_norm or 0.0
    if not decay or last > SHRUNK * first:
        return None
    return Sign(
        f"weight decay {decay:g} is stronger than the gradient: the weights shrank from {first:.3g} to {last:.3g}",
        f"lower the decay: weight_decay={min(decay / 1000, 0.01):g}",
        {"weight_decay": decay, "first_weight_norm": first, "last_weight_norm": last},
    )


def _thrown(updates: list[Update], name: str) -> Sign | None:
    ratios = [ratio for one in updates[1:UPDATES] if (ratio := one.ratio) is not None]
    if sum(one > LONG for one in ratios) < 2:
        return None
    rate, longest = max(updates[0].rates, default=math.nan), max(ratios)
    return Sign(
        f"the learning rate {rate:g} of {name} is too high: the first updates are as long as {longest:.2g} times the weights",
        f"take a tenth of it: lr={rate / 10:g}",
        {"update_to_weight": longest, "rate": rate},
    )


def _dropped(record: Record) -> Sign | None:
    runs = [run for _, e in record.events(Forward) if e.backward for run in e.modules or ()]
    inside = [
        run.rate for run in runs if run.rate is not None and run.training and "Drop" in run.kind
    ]
    called = [event.dropped for _, event in record.events(Forward) if event.backward]
    rate = max([*inside, *called], default=0.0)
    if rate < DROPPED:
        return None
    return Sign(
        f"dropout takes {rate:.0%} of a layer away, so hardly anything of the inputs gets through",
        "lower the dropout, to 0.5 at most",
        {"dropout": rate},
    )


def slope(vitals: Vitals, update: Update) -> float:
    """Norm of the gradient, before any clipping, times that of the weights: what a way down is worth."""
    before = [one.gradient_norm for one in vitals.of(Backward) if one.gradient_norm is not None]
    return max([*before, update.gradient_norm or 0.0]) * (update.weight_norm or 0.0)


def _slight(slopes: list[float], loss: float) -> Sign | None:
    worth = median(slopes[: max(UPDATES, len(slopes) // 2)]) / max(loss, 1e-30)
    if not 0 < worth < SLIGHT:
        return None
    return Sign(
        f"next to no gradient arrives: times the weights it is {worth:.1g} of the loss",
        "normalise the inputs and the layers, and initialise the weights anew",
        {"gradient_times_weights_over_loss": worth},
    )


def _say(series: Series, level: float, sign: Sign) -> Finding:
    last = median(series.values[-max(3, len(series.values) // 4) :])
    what = f"no better than one constant answer ({level:.4g})"
    if sign.evidence.get("gradient_norm") == 0.0:
        what = "and no parameter ever had a slope"
    return Finding(
        message=f"the loss is {last:.4g} after {series.count} iterations, {what}",
        cause=sign.cause,
        fix=sign.fix,
        evidence={"loss": last, "constant_answer": level, **sign.evidence},
        site=series.site,
        iteration=series.points[0][0],
        count=series.count,
        confidence=0.8,
    )


def sick(practice: Practice) -> None:
    layers = nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.99), nn.Linear(32, 3)
    model = practice.model(nn.Sequential(*layers))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    layers = nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3)
    model = practice.model(nn.Sequential(*layers))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
