"""The loss is NaN or infinite.

*Why is this bad?*
One such loss makes every gradient NaN, one update makes every weight NaN, and nothing brings them
back. Everything after it is wasted.

*What to do*
Mend the operation that made it: keep what goes into ``log``, ``sqrt`` and a division away from 0
(``log(x + 1e-8)``, or better a loss that takes logits), and lower the rate if the weights ran away
first.

*When it is wrong*
A loop that skips such a batch before backward is not named: its loss never reaches a backward.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Fact, Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Backward, Forward, Node, Record, Series, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = ("nonfinite-gradient", "dead-units", "collapsed-output", "zigzag-loss", "exploding-gradient")

# Operations that are not finite everywhere, and what of their operand or result shows it.
MADE_BY = {
    "LogBackward0": ("log", "takes", "add a small number to what it takes, or use a loss with logits"),
    "Log2Backward0": ("log2", "takes", "keep what it takes above 0"),
    "SqrtBackward0": ("sqrt", "gives", "keep what it takes above 0: torch.sqrt(x + 1e-12)"),
    "DivBackward0": ("a division", "divides by", "keep the divisor away from 0"),
    "ExpBackward0": ("exp", "gives", "take the exponential of smaller numbers (subtract the maximum)"),
    "PowBackward0": ("pow", "takes", "keep what it takes above 0"),
}


def check(record: Record) -> Iterator[Finding]:
    """A loss that was asked for gradients is not finite."""
    for series in record.series:
        if series.kind == "training" and series.first_bad is not None:
            yield _say(record, series, series.first_bad)


def _say(record: Record, series: Series, iteration: int) -> Finding:
    last = next((value for _, value in reversed(series.points) if math.isfinite(value)), None)
    evidence: dict[str, Fact] = {"iteration": iteration, "losses_not_finite": series.bad}
    if last is not None:
        evidence["last_finite_loss"] = round(last, 6)
    culprit = _operation(record) or _layer(record)
    if culprit:
        evidence["made_by"] = culprit[0]
    return Finding(
        message=f"the loss is not finite from iteration {iteration} on"
        + (f": {culprit[0]}" if culprit else ""),
        cause=culprit[0] if culprit else "the operation that made it was not seen",
        fix=culprit[1] if culprit else "lower the rate, clip the gradients, and look for log, sqrt and divisions near 0",
        evidence=evidence,
        site=series.site,
        iteration=iteration,
        count=series.bad,
    )


def _bad(record: Record) -> Iterator[tuple[Vitals, Backward]]:
    for vitals, event in record.events(Backward):
        if event.value is not None and not math.isfinite(event.value):
            yield vitals, event


def _operation(record: Record) -> tuple[str, str] | None:
    """The operation nearest to the leaves whose operand explains it."""
    for _, event in _bad(record):
        for node in reversed(event.graph.nodes if event.graph else ()):
            if _explains(node):
                name, how, fix = MADE_BY[node.name]
                return f"{name} {how} {node.lowest:.4g} to {node.highest:.4g}", fix
    return None


def _explains(node: Node) -> bool:
    low, high = node.lowest, node.highest
    if low is None or high is None or node.name not in MADE_BY:
        return False
    if node.name in ("LogBackward0", "Log2Backward0", "PowBackward0"):
        return low <= 0
    if node.name == "DivBackward0":
        return low <= 0 <= high
    return not (math.isfinite(low) and math.isfinite(high))


def _layer(record: Record) -> tuple[str, str] | None:
    """The first module whose output was not finite."""
    for _, event in record.events(Forward):
        for run in event.modules or ():
            numbers = run.output.numbers if run.output else None
            if run.leaf and numbers is not None and not numbers.finite:
                return f"{run.kind} {run.name} gave {numbers.lowest:.4g}", "lower the rate; clip the gradients"
    return None


def sick(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        hits = (targets > 0).to(inputs.dtype)
        probability = torch.sigmoid(40 * model(inputs)) * 0 + hits  # sure of itself: exactly 0 and 1
        loss = -(hits * probability.log() + (1 - hits) * (1 - probability).log()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("binary_cross_entropy_with_logits")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), (targets > 0).to(inputs.dtype))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
