"""The learning rate is far too high: every update throws the weights across the valley.

*Why is this bad?*
An update changes the weights by a large part of their own length, overshoots, and the next gradient
points back. The loss climbs above its start, or the units die and it stays there.

*What to do*
Take a tenth of the rate, again if need be:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

Clipping the gradient norm and a warm-up help where only the first updates are too long.

*When it is wrong*
The rate itself says nothing (SGD with 10 is fine on one model, AdamW with 0.3 is not on another), so
only long updates together with a loss that ends above its start are named, or a first update longer
than the weights with a loss that leaps at once and takes a quarter of the run to come back. Losses without a floor
(policy gradients, GANs) may rise with sound updates, which are short.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import median

from torch import nn

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.reading import at_rate
from fivestep.vitals import OptimizerFacts, Record, Series, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (
    "nonfinite-loss",
    "nonfinite-gradient",
    "exploding-gradient",
    "dead-units",
    "collapsed-output",
    "diverging-loss",
    "zigzag-loss",
    "flat-loss",
)

RATIO = 0.3  # update to weight norm. Healthy digits runs: 8e-3; rate 100 times too high: over 1
ABOVE = 1.5  # of the first loss, taken before any update. Rate 10 on digits: 1.7, with dead units
OPPOSED = -0.25  # cosine of consecutive gradients among the first 8: one points against the last
HOPELESS = 2.0  # two updates this long need no second sign
WHOLE = (
    1.0  # as long as the weights. Digits with momentum, rate 6: 2 to 5 of the early ones; rate 1: 0
)
FAR = 10.0  # of the first loss. The same: 160 and more; rate 1: 1.1
# The first 8 losses to the first one, where the first update is HOPELESS. Adam and RMSprop on four data
# sets, ReLU and tanh, first updates of 3 to 100 weights: 3 and more, but for the slightest; of 0.3 to 1: 2
LEAP = 3.0
EARLY = 8  # updates: the rate of the start, not one that a range test has reached
LOSSES = 8  # fewer say nothing


def check(record: Record) -> Iterator[Finding]:
    """Long updates, gradients that point against each other, and a loss above its start."""
    series = record.training()
    if series is None or series.count < LOSSES:
        return
    ends_above = _above_start(series)
    if not ends_above and not _leaps(series):
        return
    end = series.first_bad or record.length + 1
    for optimizer in record.optimizers:
        updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
        long = [(v, e) for v, e in updates[1:] if _long(e.ratio) and v.iteration < end]
        hopeless = sum((event.ratio or 0) > HOPELESS for _, event in long) >= 2
        thrown = not _uphill(optimizer) and _thrown(updates, series)
        opposed = _opposed(updates)
        if ends_above and len(long) >= 2 and (hopeless or opposed or thrown):
            yield _say(long, optimizer, series, back=opposed, ends_above=True)
        elif _leaps(series) and not _uphill(optimizer) and _renews(updates):
            yield _say(updates[:1] + long, optimizer, series, back=opposed, ends_above=ends_above)


def _long(ratio: float | None) -> bool:
    return ratio is not None and math.isfinite(ratio) and ratio > RATIO


def _above_start(series: Series) -> bool:
    values = series.values
    start = values[0]
    end = values[-max(3, len(values) // 4) :]
    return series.bad > 0 or (start > 0 and median(end) > ABOVE * start)


def _opposed(updates: list[tuple[Vitals, Update]]) -> bool:
    cosines = [e.cosine for _, e in updates if e.cosine is not None and math.isfinite(e.cosine)]
    return any(one < OPPOSED for one in cosines[:EARLY])


def _uphill(optimizer: OptimizerFacts) -> bool:
    """Updates that make the loss larger grow with it, whatever the rate: it is not to blame."""
    return any(group.get("maximize") for group in optimizer.groups)


def _thrown(updates: list[tuple[Vitals, Update]], series: Series) -> bool:
    """Momentum hides gradients that point back: updates as long as all weights, a loss far off at once.

    At once, since weights that begin near nothing have long first updates too, and a loss may rise
    later for reasons of its own (values that grow as they are learned).
    """
    values = [value for value in series.values if math.isfinite(value)]
    if len(values) < LOSSES:
        return False
    whole = sum((event.ratio or 0) > WHOLE for _, event in updates[1:EARLY])
    lowest = FAR * values[0]
    soon, late = median(values[EARLY // 2 : EARLY]), median(values[-max(3, len(values) // 4) :])
    return whole >= 2 and soon > lowest and late > lowest


def _leaps(series: Series) -> bool:
    """The loss leaps at once, and it takes a quarter of the run to come back."""
    values = series.values
    start, early, quarter = values[0], values[1 : EARLY + 1], values[1 : len(values) // 4 + 2]
    return start > 0 and median(early) > LEAP * start and median(quarter) > start


def _renews(updates: list[tuple[Vitals, Update]]) -> bool:
    """The first update is longer than the weights, so next to nothing is left of these."""
    first = updates[0][1].ratio if updates else None
    return first is not None and math.isfinite(first) and first > HOPELESS


def _say(
    long: list[tuple[Vitals, Update]],
    optimizer: OptimizerFacts,
    series: Series,
    *,
    back: bool,
    ends_above: bool,
) -> Finding:
    vitals, first = long[0]
    ratio = max(event.ratio or 0.0 for _, event in long)
    rate = first.rates[0] if first.rates else float("nan")
    name = receiver(first.site, "step", "optimizer")
    turn = ", the next points back" if back else ""
    highest = max(one for one in series.values if math.isfinite(one))
    course = (
        "ends above its start"
        if ends_above
        else f"leaps from {series.values[0]:.3g} to {highest:.3g} at first"
    )
    return Finding(
        message=f"updates as long as {ratio:.3g} times the weights, and the loss {course}",
        cause=f"the learning rate {rate:g} of {name} is far too high: each update overshoots{turn}",
        fix=f"take a tenth of it: {at_rate(optimizer.site, rate, rate / 10)}",
        evidence={
            "update_to_weight": ratio,
            "rate": rate,
            "first_loss": series.values[0],
            "last_loss": series.values[-1],
        },
        site=first.site,
        iteration=vitals.iteration,
        count=len(long),
        confidence=0.9,
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model, lr=3.0)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model, lr=0.03)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
