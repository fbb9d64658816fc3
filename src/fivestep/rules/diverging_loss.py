"""The loss climbs and does not come back.

*Why is this bad?*
The training moves away from what it looks for. Something in the steps before makes it so; where one
of them is named, this stands under it.

*What to do*
In the order of what is seen most: take a tenth of the rate; check that gradients are cleared; clip
their norm; check the sign of the loss (a score that is to grow must be negated).

*When it is wrong*
Losses that may rise in a sound run (GANs, policies, a changing objective) are left alone: only one
loss with one optimizer, never below 0, that ends far above everything it began with is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Record, Series

SEVERITY = Severity.WRONG
NEEDS = ("curve",)

TIMES = (
    10.0  # the last quarter to the first losses. Faulty digits runs: 58 and more; sound: under 1.2
)
LOSSES = 16  # fewer are no trend


def check(record: Record) -> Iterator[Finding]:
    """Every late loss is above every early one, and the median many times as high."""
    training = [one for one in record.series if one.kind == "training"]
    if len(training) != 1 or len(record.optimizers) > 1:
        return
    series = training[0]
    values = series.values
    if series.bad or len(values) < LOSSES or min(values) < 0:
        return
    quarter = len(values) // 4
    first, last = values[:quarter], values[-quarter:]
    start = median(values[:3])
    if min(last) > max(first) and median(last) > TIMES * start:
        yield _say(series, start, median(last))


def _say(series: Series, first: float, last: float) -> Finding:
    start = next(i for i, value in series.points if value > 2 * first)
    return Finding(
        message=f"the loss climbs from {first:.4g} to {last:.4g} and does not come back",
        cause="the updates lead away from the minimum: a rate too high, or a loss with the wrong sign",
        fix="take a tenth of the rate; clip the gradient norm; check the sign of the loss",
        evidence={
            "first_quarter": first,
            "last_quarter": last,
            "times": last / first if first else last,
        },
        site=series.site,
        iteration=start,
        count=sum(value > 2 * first for value in series.values),
        confidence=0.9,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model, lr=0.2, maximize=True)  # uphill
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model, lr=0.03)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
