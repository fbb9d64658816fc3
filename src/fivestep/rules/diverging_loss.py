"""The loss climbs and does not come back.

*Why is this bad?*
The training moves away from what it looks for. Something in the steps before makes it so; where one
of them is named, this stands under it.

*What to do*
In the order of what is seen most: take a tenth of the rate; check that gradients are cleared; clip
their norm; check the sign of the loss (a score that is to grow must be negated).

*When it is wrong*
Losses that may rise in a sound run (GANs, policies, values with a target that moves) are left alone: only one
loss with one optimizer, never below 0, that ends far above everything it began with is named (a
loss that jumps about must be farther away). An optimizer with ``maximize=True`` is meant to climb: it is
named only where it climbs with the weights of a model, and what it climbs is one of torch's losses, or
was negated already and grows faster and faster.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Backward, Forward, Loss, Record, Series

SEVERITY = Severity.WRONG
NEEDS = ("curve",)

TIMES = (
    10.0  # the last quarter to the first losses. Faulty digits runs: 58 and more; sound: under 1.2
)
FAR = 30.0  # the same to the highest loss of the first quarter. A rate that grows without end: 55
NEARLY = 0.8  # of the last quarter above all of the first. The same: 0.9; both chosen from this run
FASTER = 4.0  # rise of the second half to that of the first; at a constant pace: 1, squared: 3.
# Skip-gram vectors that go uphill, Adam at 3e-3: 14
LOSSES = 16  # fewer are no trend


def check(record: Record) -> Iterator[Finding]:
    """Every late loss is above every early one, and the median many times as high."""
    training = [one for one in record.series if one.kind == "training"]
    if len(training) != 1 or len(record.optimizers) > 1:
        return
    series = training[0]
    values = series.values
    if series.bad or len(values) < LOSSES or min(values) < 0 or _moving_target(record):
        return
    quarter = len(values) // 4
    first, last = values[:quarter], values[-quarter:]
    start = median(values[:3])
    steady = min(last) > max(first) and median(last) > TIMES * start
    far = steady or _far_away(first, last)
    if not _uphill(record):
        if far:
            yield _say(series, start, median(last))
    elif (far and _known_loss(record)) or (_negated(record) and _runs_away(values, start, far=far)):
        yield _say(series, start, median(last), uphill=True)


def _uphill(record: Record) -> bool:
    """The optimizer was told to make it larger."""
    return any(group.get("maximize") for one in record.optimizers for group in one.groups)


def _known_loss(record: Record) -> bool:
    """A loss of torch, and weights of a model: an input that is to fool a model belongs to none."""
    return _of_a_model(record) and any(event.backward for _, event in record.events(Loss))


def _of_a_model(record: Record) -> bool:
    held = (record.parameters[number] for one in record.optimizers for number in one.parameters)
    return any(parameter.model is not None for parameter in held)


def _negated(record: Record) -> bool:
    """What has a minus of its own was made to be minimised. Entropy has one too, and is bounded."""
    graphs = [e.graph for _, e in record.events(Backward) if e.graph is not None]
    tops = [graph.nodes[0].name for graph in graphs if graph.nodes]
    return _of_a_model(record) and bool(tops) and all(top == "NegBackward0" for top in tops)


def _runs_away(values: list[float], start: float, *, far: bool) -> bool:
    """Far up, or on the way there without a step back, and faster and faster: there is no bound."""
    at = [index * len(values) // 4 for index in range(5)]
    quarters = [values[one:other] for one, other in pairwise(at)]
    forward = all(min(after) > max(before) for before, after in pairwise(quarters[1:]))
    middle, end = median(quarters[1][-3:]), median(quarters[3][-3:])
    faster = end - middle > FASTER * (middle - start) > 0
    return faster and (far or (forward and end > TIMES * start))


def _moving_target(record: Record) -> bool:
    """Iterations with a forward that no backward comes through: a target by a model, as of values."""
    trained = [v for v in record.detailed() if any(True for _ in v.of(Backward))]
    aside = sum(any(e.backward is False for e in v.of(Forward)) for v in trained)
    return aside > len(trained) / 2


def _far_away(first: list[float], last: list[float]) -> bool:
    """A loss that jumps about comes back for a batch now and then; nearly all are far away."""
    above = sum(one > max(first) for one in last) / len(last)
    return above > NEARLY and median(last) > FAR * max(first)


def _say(series: Series, first: float, last: float, *, uphill: bool = False) -> Finding:
    start = next(i for i, value in series.points if value > 2 * first)
    return Finding(
        message=f"the loss climbs from {first:.4g} to {last:.4g} and does not come back",
        cause="the optimizer was made with maximize=True, and what it climbs is a loss"
        if uphill
        else "the updates lead away from the minimum: a rate too high, or a loss with the wrong sign",
        fix="leave out `maximize=True`, or give it the score that is to grow, without the minus"
        if uphill
        else "take a tenth of the rate; clip the gradient norm; check the sign of the loss",
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
