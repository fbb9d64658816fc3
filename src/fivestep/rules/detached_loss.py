"""Nothing connects the loss with the parameters.

*Why is this bad?*
``.item()``, ``.detach()``, ``.data``, NumPy, ``argmax`` or a new tensor made from the loss cut the
graph. Backward then raises "does not require grad", or runs and reaches no weight: nothing is
learned.

*What to do*
Compute the loss with tensor operations from the prediction to the end, and call ``backward`` on
that very tensor. Use ``.item()`` only on a copy that you print.

*When it is wrong*
A backward that is meant for the inputs (saliency, adversarial examples) reaches them and is not
named.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Record

SEVERITY = Severity.WRONG
EXPLAINS = ("gradientless-parameter", "missing-update", "flat-loss", "tiny-update", "orphaned-optimizer")


def check(record: Record) -> Iterator[Finding]:
    """A backward without a graph, or whose graph ends before any parameter or input."""
    cut = ((v, e) for v, e in record.events(Backward) if _cut(e))
    if any(facts.requires_grad for facts in record.parameters):
        for seen in sightings(cut):
            yield _say(seen)


def _cut(backward: Backward) -> bool:
    if "does not require grad" in backward.error:
        return True
    leaf = backward.loss is not None and backward.loss.leaf
    return not backward.error and leaf and backward.reached == ()


def _say(seen: Sighting[Backward]) -> Finding:
    wrapped = not seen.first.error
    return seen.finding(
        message="the loss is a new tensor: backward reaches no parameter"
        if wrapped
        else "the loss has no graph: backward has nothing to go through",
        cause="between the prediction and the loss the graph was cut (.item(), .detach(), .data, "
        "NumPy, argmax, or torch.tensor(loss))",
        fix="compute the loss from the prediction with tensor operations and call backward on it",
        evidence={"parameters_reached": 0, "error": seen.first.error.split("\n")[0]},
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        loss = loss.detach().requires_grad_()
        optimizer.zero_grad()
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
