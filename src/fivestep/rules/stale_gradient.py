"""Gradients of an earlier update are still there when backward starts.

*Why is this bad?*
``backward`` adds to the gradients that it finds. When nothing clears them, every update repeats all
the updates before it: the weights move along a sum of old gradients that no longer belong to where
they stand. The loss need not explode. With a small rate it may fall faster at first, and on a full
batch it can orbit the minimum for ever; it never settles.

*What to do*
Clear the gradients once for every update, anywhere but between ``backward`` and ``step``:

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

To add up several batches on purpose, clear once in each window and divide the loss by the number
of batches in it.

*When it is wrong*
An algorithm that decays gradients instead of clearing them (a momentum written by hand into
``.grad``) keeps them on purpose. Say so with ``# fivestep: ignore[stale-gradient]``.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, sightings
from fivestep.practice import Practice
from fivestep.vitals import Record, Update

SEVERITY = Severity.WRONG
EXPLAINS = (
    "exploding-gradient",
    "huge-update",
    "nonfinite-loss",
    "nonfinite-gradient",
    "collapsed-output",
    "dead-units",
)

UPDATES = 2  # that carry old gradients: one alone may be a restart in the middle of a window


def check(record: Record) -> Iterator[Finding]:
    """An update carries gradients that an earlier update has already used."""
    carrying = ((vitals, event) for vitals, event in record.events(Update) if event.carried)
    for seen in sightings(carrying):
        in_a_row = max(event.carried for _, event in seen.events)
        if max(seen.count, in_a_row) >= UPDATES:  # a loop without modules may be one iteration
            yield _say(seen)


def _say(seen: Sighting[Update]) -> Finding:
    first, most = seen.first, max(event.carried for _, event in seen.events)
    name = receiver(first.site, "step", "optimizer")
    clear = f"{name}.zero_grad()" if first.optimizer is not None else "weight.grad = None"
    return seen.finding(
        message=f"gradients of {most} earlier updates are added to that of each new update",
        cause="nothing clears the gradients between an update and the next backward",
        fix=f"put `{clear}` before this backward (or right after the update)",
        evidence={"earlier_updates": most, "backwards_summed": first.summed},
        site=first.last_backward,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
