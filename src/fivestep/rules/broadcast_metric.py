"""The metric compares (B, 1) with (B,), or takes the argmax of a single column.

*Why is this bad?*
``==`` broadcasts (B, 1) against (B,) to a table of B times B: every prediction is compared with
every target, and the accuracy that comes out belongs to no model (it can pass 1, or B). The argmax
over one column is 0 for every sample. The training may be sound; what you read of it is not.

*What to do*
Make the shapes equal before the comparison, and turn one output into a class with a threshold:

    hits = (output.squeeze(1) > 0) == targets.bool()

*When it is wrong*
Tables that are meant (which samples share a label, in contrastive losses) compare a tensor with
itself, or have their dimensions made with ``unsqueeze`` on both sides, and are not named.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Compare, Forward, Loss, Pick, Record, TensorFacts, Vitals

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("metric",)

Shape = tuple[int, ...]


def check(record: Record) -> Iterator[Finding]:
    """A comparison that grows beyond both sides, and an argmax over one column of the output."""
    outputs = _outputs(record)
    tables = [(v, e) for v, e in record.events(Compare) if _table(e, outputs)]
    for seen in sightings(tables):
        if any(not _same_values(event) for _, event in seen.events):
            yield _say_table(seen)
    columns = [(v, e) for v, e in record.events(Pick) if _one_column(v, e, outputs)]
    for seen in sightings(columns):
        yield _say_column(seen)


def _outputs(record: Record) -> set[Shape]:
    """Shapes that models gave."""
    return {one.shape for _, event in record.events(Forward) for one in event.outputs[:1]}


def _table(event: Compare, outputs: set[Shape]) -> bool:
    """(B, 1) against (B,) with B in both, where the model gives one number for each sample."""
    left, right = sorted((event.left_shape, event.right_shape), key=len)
    if len(left) != 1 or len(right) != 2 or right != (left[0], 1) or left[0] < 2:
        return False
    grows = prod(event.outcome) > max(prod(left), prod(right))
    return grows and (right in outputs or left in outputs)


def _same_values(event: Compare) -> bool:
    """Both sides hold the same numbers: which samples share a label, or a perfect score."""
    sides = event.left, event.right
    digests = [one.numbers.digest for one in sides if one is not None and one.numbers is not None]
    return (
        len(digests) < 2 or digests[0] == digests[1] or _identity(sides[0]) == _identity(sides[1])
    )


def _identity(side: TensorFacts | None) -> int:
    return side.identity if side is not None else -1


def _one_column(vitals: Vitals, event: Pick, outputs: set[Shape]) -> bool:
    """The column is the model's output, and somebody compares what comes of it."""
    shape = event.shape
    if event.size != 1 or len(shape) != 2 or shape[0] < 2 or shape[1] != 1 or shape not in outputs:
        return False
    last = [e for e in vitals.events if isinstance(e, Forward) and e.at < event.at and e.outputs]
    same = any(
        one.identity == event.tensor.identity
        for forward in last
        for one in forward.outputs
        if event.tensor is not None
    )
    compared = any(isinstance(one, Compare) and one.at > event.at for one in vitals.events)
    learned = any(isinstance(one, Loss) for one in vitals.events)
    return compared or (same and learned)


def _say_table(seen: Sighting[Compare]) -> Finding:
    first = seen.first
    return seen.finding(
        message=f"{first.left_shape} == {first.right_shape} compares every prediction with every "
        f"target: the result is {first.outcome}",
        cause="the two shapes broadcast, so the accuracy that is counted belongs to no model",
        fix="make the shapes equal before `==`: squeeze the (B, 1) side with `.squeeze(1)`",
        evidence={"left": str(first.left_shape), "right": str(first.right_shape),
                  "result": str(first.outcome)},
    )  # fmt: skip


def _say_column(seen: Sighting[Pick]) -> Finding:
    first = seen.first
    return seen.finding(
        message=f"{first.function} over one column: the output is {first.shape}, "
        "so the class is always 0",
        cause="the largest of one number is at place 0 for every sample: "
        "the metric ignores the model",
        fix="compare the output with a threshold (`output.squeeze(1) > 0` for logits), or give the "
        "model one output for each class",
        evidence={"shape": str(first.shape), "size": first.size},
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    loss_fn = practice.loss("binary_cross_entropy_with_logits")
    optimizer, hits = practice.optimizer(model), 0.0
    for inputs, targets in practice.regression():
        labels = (targets > 0).to(inputs.dtype)
        output = model(inputs)
        loss = loss_fn(output, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += ((output > 0) == labels.squeeze(1)).float().mean().item()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    loss_fn = practice.loss("binary_cross_entropy_with_logits")
    optimizer, hits = practice.optimizer(model), 0.0
    for inputs, targets in practice.regression():
        labels = (targets > 0).to(inputs.dtype)
        output = model(inputs)
        loss = loss_fn(output, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        hits += ((output > 0) == labels).float().mean().item()
