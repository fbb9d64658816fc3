"""Gradients are made and never used: optimizer.step() is not called.

*Why is this bad?*
``backward`` only says which way is down. Without the update no weight changes, and the loss stays
where it began.

*What to do*
Call it once the gradients are there:

    loss.backward()
    optimizer.step()

*When it is wrong*
Gradients that are wanted for themselves (saliency, attacks, penalties) have no optimizer, or one
that steps elsewhere, and are not named; nor are updates that are written by hand or that a
GradScaler skips.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, OptimizerFacts, Record, Scale, Update

SEVERITY = Severity.WRONG
EXPLAINS = (
    "stale-gradient",
    "unheld-parameter",
    "flat-loss",
    "leftover-gradient",
    "tiny-update",
    "unstepped-schedule",
    "early-schedule",
)
WITHOUT = {"long": "the same loop, only longer"}

BACKWARDS = 8  # without an update: more than the windows of most accumulations


def check(record: Record) -> Iterator[Finding]:
    """An optimizer whose parameters get gradients again and again never steps."""
    by_hand = any(event.optimizer is None for _, event in record.events(Update))
    skipped = any(event.skipped for _, event in record.events(Scale))
    moved = {n for one in record.optimizers if one.updates for n in one.parameters}
    for optimizer in record.optimizers:
        # One whose parameters another one updates is its wrapper (Fabric, Accelerate).
        wraps = not moved.isdisjoint(optimizer.parameters)
        if optimizer.updates == 0 and not wraps and not by_hand and not skipped:
            reaching = (
                (v, e) for v, e in record.events(Backward) if optimizer.number in e.optimizers
            )
            for seen in sightings(reaching):
                if seen.count >= BACKWARDS:
                    yield _say(seen, optimizer, record)


def _say(seen: Sighting[Backward], optimizer: OptimizerFacts, record: Record) -> Finding:
    name = receiver(optimizer.site, "zero_grad", "optimizer")
    return seen.finding(
        message=f"{seen.count} backwards and not one update: {optimizer.kind} never steps",
        cause="gradients are made and never used, so no weight changes",
        fix=f"call `{name}.step()` after this backward",
        evidence={"backwards": seen.count, "updates": 0, "parameters": len(optimizer.parameters)},
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
