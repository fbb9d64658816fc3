"""Cross-entropy over one class: the loss is 0, whatever the model says.

*Why is this bad?*
The softmax of a single number is 1. Its cross-entropy is 0, its gradient is 0, and nothing is ever
learned. With ``(batch,)`` against ``(batch,)`` of floats it is no better: the softmax then runs
over the batch, and the samples compete with each other.

*What to do*
Give the last layer one output for each class, and the loss the number of the class:

    nn.Linear(hidden, 2)

or keep the one output for two classes, and take the loss that is made for it:

    loss = F.binary_cross_entropy_with_logits(output.squeeze(1), targets.float())

*When it is wrong*
A contrastive loss on a batch of a single pair has one class by accident: a batch of one is not
named. A softmax over a list of candidates (ranking) has targets that sum to 1 and is not named.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Loss, Record
from fivestep.vitals.operations import made_by

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = (
    "unlogged-probabilities", "broadcast-metric", "regression-on-classes", "unreachable-target",
    "gradientless-parameter", "vanishing-gradient", "tiny-update", "collapsed-output", "flat-loss",
    "missing-update", "dead-units", "probabilities-as-logits",
)  # fmt: skip

OVER_CLASSES = ("cross_entropy", "nll_loss")
SQUASHED = {"SoftmaxBackward0": 1.0, "LogSoftmaxBackward0": 0.0}  # and what one class comes to
SUM_ERROR = 1e-2  # targets of a softmax over candidates sum to 1 within this


def check(record: Record) -> Iterator[Finding]:
    """The dimension of the classes is 1, or is the batch."""
    trained = [(v, e) for v, e in record.events(Loss) if e.backward is not False and e.prediction]
    for seen in sightings(trained):
        kinds = {_kind(event) for _, event in seen.events}
        if len(kinds) == 1 and (kind := kinds.pop()):
            yield _say(seen, kind)


def _kind(loss: Loss) -> str:
    given = loss.prediction
    if given is None or not given.requires_grad:
        return ""
    shape = given.shape
    if loss.function in OVER_CLASSES and len(shape) >= 2 and shape[1] == 1 and shape[0] > 1:
        return "one"
    if loss.function == "cross_entropy" and len(shape) == 1 and shape[0] > 1:
        return "batch" if _one_for_each_sample(loss) else ""
    numbers = given.numbers
    constant = SQUASHED.get(made_by(given))
    if constant is not None and numbers is not None and len(shape) == 2 and shape[1] == 1:
        return "constant" if numbers.lowest == numbers.highest == constant and shape[0] > 1 else ""
    return ""


def _one_for_each_sample(loss: Loss) -> bool:
    """One number a sample, and targets that are labels, not shares of one whole."""
    target = loss.target
    if target is None or target.shape != (loss.prediction.shape if loss.prediction else ()):
        return False
    numbers = target.numbers
    squeezed = (
        loss.prediction is not None
        and loss.prediction.behind[:1]
        and (
            loss.prediction.behind[0].startswith(("Squeeze", "View", "Select", "Index", "Reshape"))
        )
    )
    if numbers is None or not numbers.integers or not squeezed:
        return False
    return abs(numbers.mean * target.shape[0] - 1) > SUM_ERROR


def _say(seen: Sighting[Loss], kind: str) -> Finding:
    prediction = seen.first.prediction
    shape = prediction.shape if prediction is not None else tuple[int, ...]()
    name = seen.first.function
    message, cause = {
        "one": (
            f"{name} is given one class: prediction {shape}",
            "the softmax of one number is 1, so the loss and every gradient are 0",
        ),
        "batch": (
            f"{name} is given {shape} and takes the {shape[0]} samples of the batch for classes",
            "the softmax runs over the batch, so the samples compete with each other",
        ),
        "constant": (
            f"{name} is given the softmax of one output: {shape}, every value the same",
            "the softmax of one number is constant, so nothing is learned",
        ),
    }[kind]
    return seen.finding(
        message=message,
        cause=cause,
        fix="give the last layer one output for each class, or keep one output for two classes and "
        "use `F.binary_cross_entropy_with_logits`",
        evidence={"prediction": str(shape), "classes": 1},
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.regression():
        labels = torch.zeros(len(targets), dtype=torch.long)  # anything else is out of range
        loss = loss_fn(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 2))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.regression():
        labels = (targets.squeeze(1) > 0).long()
        loss = loss_fn(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
