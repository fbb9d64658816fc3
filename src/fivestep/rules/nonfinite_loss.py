"""The loss is NaN or infinite.

*Why is this bad?*
One such loss makes every gradient NaN, one update makes every weight NaN, and nothing brings them
back. Everything after it is wasted.

*What to do*
Mend the operation that made it: keep what goes into ``log``, ``sqrt`` and a division away from 0
(``log(x + 1e-8)`` for an x that is 0 at least, or better a loss that takes logits), and lower the rate if the weights ran away
first.

*When it is wrong*
A loop that skips such a batch before backward is not named: its loss never reaches a backward.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from math import prod

import torch
from torch import nn

from fivestep.finding import Fact, Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Backward, Forward, Graph, Loss, Node, Record, Series, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (  # not the gradient rules that look at what was still finite: they come first
    "dead-units", "collapsed-output", "zigzag-loss",
    "unreachable-target", "vanishing-gradient", "gradientless-parameter",
)  # fmt: skip

Culprit = tuple[str, str]  # what made it, what to do
# Operations that are not finite everywhere, and what of their operand or result shows it.
MADE_BY = {
    "LogBackward0": ("log", "takes", "add a small number to what it takes: `x + 1e-8`"),
    "Log2Backward0": ("log2", "takes", "keep what it takes above 0"),
    "Log10Backward0": ("log10", "takes", "keep what it takes above 0"),
    "Log1PBackward0": ("log1p", "takes", "keep what it takes above -1"),
    "SqrtBackward0": ("sqrt", "gives", "keep what it takes above 0: `torch.sqrt(x + 1e-12)`"),
    "RsqrtBackward0": ("rsqrt", "gives", "keep what it takes above 0"),
    "DivBackward0": ("a division", "divides by", "keep the divisor away from 0: `x / (y + 1e-8)`"),
    "ExpBackward0": ("exp", "gives", "take it of smaller numbers (subtract the maximum)"),
    "PowBackward0": ("pow", "takes", "keep what it takes above 0"),
    "AcosBackward0": (
        "acos",
        "takes",
        "keep what it takes within -1 and 1: `x.clamp(-0.99, 0.99)`",
    ),
    "AsinBackward0": (
        "asin",
        "takes",
        "keep what it takes within -1 and 1: `x.clamp(-0.99, 0.99)`",
    ),
}
LOWEST = {  # from here on down they have no answer
    "LogBackward0": 0.0, "Log2Backward0": 0.0, "Log10Backward0": 0.0, "PowBackward0": 0.0,
    "Log1PBackward0": -1.0,
}  # fmt: skip
SOFTMAXES = ("SoftmaxBackward0", "LogSoftmaxBackward0")
SPREADS = ("StdBackward0", "VarBackward0", "StdMeanBackward0", "VarMeanBackward0")
OVER_CLASSES = ("cross_entropy", "nll_loss")
IGNORED = -100  # the default ignore_index of torch


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
    culprit = _culprit(record, series)
    if culprit:
        evidence["made_by"] = culprit[0]
    return Finding(
        message=f"the loss is not finite from iteration {iteration} on"
        + (f": {culprit[0]}" if culprit else ""),
        cause=("" if culprit else "the operation that made it was not seen; ")
        + "one update with such a loss turns the weights into NaN",
        fix=culprit[1]
        if culprit
        else "lower the rate, clip the gradients, and look for log, sqrt and divisions near 0",
        evidence=evidence,
        site=series.site,
        iteration=iteration,
        count=series.bad,
    )


def _culprit(record: Record, series: Series) -> Culprit | None:
    """What made the first loss that is not finite: the call, an operation, or a layer before it."""
    first = next(((v, e) for v, e in _bad(record) if e.site == series.site), None)
    if first is None:
        return None
    vitals, event = first
    layer = _layer(vitals)
    found = _call(vitals) or (None if layer and layer[1] else _operation(event.graph))
    return found or (layer[0] if layer else None) or _overflow(event)


def _bad(record: Record) -> Iterator[tuple[Vitals, Backward]]:
    for vitals, event in record.events(Backward):
        if event.value is not None and not math.isfinite(event.value):
            yield vitals, event


def _call(vitals: Vitals) -> Culprit | None:
    """A loss function that has no answer to what it was given."""
    for loss in vitals.of(Loss):
        numbers = loss.target.numbers if loss.target is not None else None
        if numbers is None or loss.value is None or math.isfinite(loss.value):
            continue
        ignored = loss.options.get("ignore_index", IGNORED)
        if loss.function in OVER_CLASSES and numbers.lowest == numbers.highest == ignored:
            what = f"every target of {loss.function} is {ignored:g}, which it ignores"
            fix = "leave out batches in which every target is ignored"
            return f"{what}: a mean over nothing", fix
        if loss.function == "kl_div" and numbers.lowest < 0 and not loss.options.get("log_target"):
            what = f"kl_div takes the logarithm of its targets, down to {numbers.lowest:.4g}"
            return what, "give it probabilities as targets, or say `log_target=True`"
    return None


def _operation(graph: Graph | None) -> Culprit | None:
    """The operation nearest to the leaves that explains it; one that surely does comes first."""
    nodes = graph.nodes if graph is not None else ()
    for surely in (True, False):
        for node in reversed(nodes):
            if _explains(node, surely=surely):
                name, how, fix = MADE_BY[node.name]
                return f"{name} {how} {_range(node)}", _below(node) or fix
            found = _over_nothing(node, nodes) if surely else _masked(node)
            if found is not None:
                return found
    return None


def _explains(node: Node, *, surely: bool) -> bool:
    low, high = node.lowest, node.highest
    if low is None or high is None or node.name not in MADE_BY:
        return False
    if node.name in LOWEST:
        return low <= LOWEST[node.name] if surely else False
    if node.name in ("AcosBackward0", "AsinBackward0"):
        return surely and (low < -1 or high > 1)
    if node.name == "DivBackward0":  # somewhere between: a divisor of exactly 0 is likely, not seen
        return 0 in (low, high) if surely else low < 0 < high
    return surely and not (math.isfinite(low) and math.isfinite(high))


def _below(node: Node) -> str:
    """Nothing small that is added helps a logarithm of less than 0."""
    if node.name != "LogBackward0" or node.lowest is None or node.lowest >= 0:
        return ""
    return "find out why it is below 0, or keep it above: `x.clamp(min=1e-8)`"


def _range(node: Node) -> str:
    low, high = (f"{(one or 0.0) + 0.0:.4g}" for one in (node.lowest, node.highest))  # -0 is 0
    return low if low == high else f"{low} to {high}"


def _over_nothing(node: Node, nodes: tuple[Node, ...]) -> Culprit | None:
    """A mean of no element, a standard deviation of one."""
    behind = [nodes[i].shape for i in node.inputs if 0 <= i < len(nodes)]
    if not behind:
        return None
    if node.name.startswith("MeanBackward") and prod(behind[0]) == 0:
        return f"a mean of no elements: it is taken over {behind[0]}", "leave out empty selections"
    if node.name in SPREADS and prod(behind[0]) == prod(node.shape):
        name = node.name.removesuffix("Backward0").lower()
        return (
            f"{name} of one element each: it is taken over {behind[0]}",
            "take it over two elements at least, or with correction=0",
        )
    return None


def _masked(node: Node) -> Culprit | None:
    """A softmax over numbers that are all masked, or a target among the masked."""
    if node.name not in SOFTMAXES or node.lowest is None:
        return None
    if math.isnan(node.lowest):
        return "softmax over a row in which every number is -inf", "leave one number unmasked"
    if node.lowest == -math.inf:
        return "log_softmax gives -inf, and a target is there", "mask with a finite number"
    return None


def _layer(vitals: Vitals) -> tuple[Culprit, bool] | None:
    """The first module whose output is not finite, and whether it is the very first that ran."""
    sound = False
    for event in vitals.of(Forward):
        for run in event.modules or ():
            numbers = run.output.numbers if run.output else None
            if not run.leaf or numbers is None:
                continue
            if not numbers.finite:
                what = f"{run.kind} {run.name} gave {numbers.lowest:.4g}"
                return (what, "lower the rate; clip the gradients"), not sound
            sound = True
    return None


def _overflow(event: Backward) -> Culprit | None:
    if event.loss is None or event.loss.dtype != "float16":
        return None
    return "float16 ends at 65504, and the loss is above", "take it in float32: `output.float()`"


def sick(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        hits = (targets > 0).to(inputs.dtype)
        probability = torch.sigmoid(40 * model(inputs)) * 0 + hits  # sure: exactly 0 and 1
        loss = -(hits * probability.log() + (1 - hits) * (1 - probability).log()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    loss_fn = practice.loss("binary_cross_entropy_with_logits")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), (targets > 0).to(inputs.dtype))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
