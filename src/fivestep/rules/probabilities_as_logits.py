"""Probabilities are given to a loss that expects logits.

*Why is this bad?*
``cross_entropy`` and ``binary_cross_entropy_with_logits`` apply the softmax or sigmoid themselves.
Applied twice it flattens everything: the loss cannot fall below ln(e + C - 1) - 1 (1.461 for ten
classes, 0.313 for two), gradients shrink, and the model still reaches some accuracy, so nobody
looks here.

*What to do*
Give the loss the raw output of the last layer, and take the softmax only where you read
probabilities:

    loss = F.cross_entropy(logits, targets)

*When it is wrong*
``log_softmax`` before ``cross_entropy`` is harmless (it changes nothing) and is not named.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator
from math import e, log

from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Loss, Record, TensorFacts

SEVERITY = Severity.WRONG
EXPLAINS = ("vanishing-gradient", "flat-loss", "tiny-update", "collapsed-output")

SQUASHING = {"cross_entropy": "SoftmaxBackward0", "binary_cross_entropy_with_logits": "SigmoidBackward0"}
# Operations that move numbers about and leave them as they are.
MOVING = (
    "ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "SqueezeBackward0",
    "SqueezeBackward1", "UnsqueezeBackward0", "TransposeBackward0", "PermuteBackward0",
    "CloneBackward0", "ToCopyBackward0", "SliceBackward0", "AliasBackward0", "TBackward0",
)  # fmt: skip
SUM_ERROR = 1e-2  # a row of bfloat16 probabilities sums to 1 within this


def check(record: Record) -> Iterator[Finding]:
    """The operation right behind the loss's input is a softmax or sigmoid."""
    squashed = (
        (v, one) for v, one in record.events(Loss) if one.backward is not False and _squashed(one)
    )
    for seen in sightings(squashed):
        yield _say(seen)


def _squashed(loss: Loss) -> bool:
    made_by = SQUASHING.get(loss.function)
    if made_by is None or loss.prediction is None or not loss.prediction.requires_grad:
        return False
    behind = next((name for name in loss.prediction.behind if name not in MOVING), "")
    if behind.startswith("Compiled"):  # the graph is hidden: look at the values
        return loss.function == "cross_entropy" and _sums_to_one(loss.prediction)
    return behind == made_by


def _sums_to_one(prediction: TensorFacts) -> bool:
    numbers = prediction.numbers
    if numbers is None or numbers.lowest < 0 or numbers.distinct < 3:
        return False
    low, high = numbers.row_sums
    return abs(low - 1) < SUM_ERROR and abs(high - 1) < SUM_ERROR


def _say(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    softmax = first.function == "cross_entropy"
    name = "softmax" if softmax else "sigmoid"
    shape = first.prediction.shape if first.prediction else ()
    classes = shape[1] if softmax and len(shape) > 1 else 2
    floor = log(e + classes - 1) - 1
    evidence: dict[str, Fact] = {"input_made_by": name, "classes": classes, "loss_floor": round(floor, 3)}
    numbers = first.prediction.numbers if first.prediction else None
    if numbers is not None:
        evidence |= {"lowest": round(numbers.lowest, 4), "highest": round(numbers.highest, 4)}
    return seen.finding(
        message=f"{first.function} is given the output of a {name}, and takes the {name} itself",
        cause=f"with {name} applied twice the loss cannot fall below {floor:.3f} and gradients shrink",
        fix=f"remove the {name} before the loss; give it the output of the last layer",
        evidence=evidence,
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(8, 3))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
