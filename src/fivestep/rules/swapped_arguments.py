"""The loss is called with the targets first and the prediction second.

*Why is this bad?*
A loss such as cross-entropy is not symmetric. With the two swapped it treats the labels as logits
and the outputs of the model as targets: it has no floor any more, and the best the model can do is
to make its numbers run away.

*What to do*
The prediction comes first, the targets second:

    loss = loss_fn(prediction, targets)

*When it is wrong*
Squared and absolute errors are symmetric, and are not named. Neither is ``kl_div`` from a fixed
distribution to a learned one, which is meant in distillation and policy updates.

Source: https://docs.pytorch.org/docs/stable/nn.functional.html#loss-functions
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.reading import rewritten
from fivestep.vitals import Loss, Record
from fivestep.vitals.facts import Numbers

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = (
    "nonfinite-loss", "nonfinite-gradient", "exploding-gradient", "huge-update", "diverging-loss",
    "zigzag-loss", "flat-loss", "collapsed-output", "dead-units", "unreachable-target",
    "vanishing-gradient", "regression-on-classes", "tiny-update",
)  # fmt: skip

SUM_ERROR = 1e-2  # a row of probabilities in bfloat16 sums to 1 within this


def check(record: Record) -> Iterator[Finding]:
    """The second argument carries the graph, and the first is what targets look like."""
    swapped = (
        (v, one) for v, one in record.events(Loss) if one.backward is not False and _swapped(one)
    )
    for seen in sightings(swapped):
        yield _say(seen)


def _swapped(loss: Loss) -> bool:
    first, second = loss.prediction, loss.target
    if first is None or second is None or first.requires_grad or not second.requires_grad:
        return False
    numbers = first.numbers
    return numbers is not None and numbers.finite and _like_targets(loss.function, numbers)


def _like_targets(function: str, numbers: Numbers) -> bool:
    """Whether these are targets that the loss expects, and so no prediction."""
    shares = numbers.lowest >= 0 and numbers.highest <= 1
    low, high = numbers.row_sums
    whole = abs(low - 1) < SUM_ERROR and abs(high - 1) < SUM_ERROR
    if function in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        return shares
    if function == "cross_entropy":
        return shares and whole
    if function == "kl_div":  # the first argument holds logarithms, none of them above 0
        return shares and numbers.highest > 0
    if function == "poisson_nll_loss":
        return numbers.integers and numbers.lowest >= 0
    return function == "hinge_embedding_loss" and numbers.integers and numbers.lowest == -1


def _say(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    line = rewritten(first.site, lambda given: [given[1], given[0], *given[2:]])
    numbers = first.prediction.numbers if first.prediction else None
    low, high = (numbers.lowest, numbers.highest) if numbers else (0.0, 0.0)
    return seen.finding(
        message=f"{first.function} is called with the targets first: its first argument "
        f"({low:.3g} to {high:.3g}) has no graph, its second has",
        cause="the loss takes the labels for predictions and the prediction for targets",
        fix=f"put the prediction first: `{line or 'loss_fn(prediction, targets)'}`",
        evidence={
            "first_requires_grad": False,
            "second_requires_grad": True,
            "lowest": low,
            "highest": high,
        },
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    loss_fn = practice.loss("binary_cross_entropy_with_logits")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        hits = (targets > 0).to(inputs.dtype)
        loss = loss_fn(hits, model(inputs))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    loss_fn = practice.loss("binary_cross_entropy_with_logits")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        hits = (targets > 0).to(inputs.dtype)
        loss = loss_fn(model(inputs), hits)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
