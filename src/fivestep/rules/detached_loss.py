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
from fivestep.vitals import Backward, Forward, Record, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (
    "gradientless-parameter", "missing-update", "missing-backward", "flat-loss", "tiny-update",
    "orphaned-optimizer", "unregistered-module", "unheld-parameter", "vanishing-gradient",
)  # fmt: skip


def check(record: Record) -> Iterator[Finding]:
    """A backward without a graph, or whose graph ends before any parameter or input."""
    if not any(facts.requires_grad for facts in record.parameters):
        return
    for seen in sightings((v, e) for v, e in record.events(Backward) if _cut(e)):
        yield _say(seen)
    for seen in sightings((v, e) for v, e in record.events(Backward) if _cut_before(v, e)):
        yield _say_prediction(seen)


def _cut(backward: Backward) -> bool:
    if "does not require grad" in backward.error:
        return True
    leaf = backward.loss is not None and backward.loss.leaf
    return not backward.error and leaf and backward.reached == ()


def _cut_before(vitals: Vitals, backward: Backward) -> bool:
    """The loss is made of a new leaf, the prediction of this iteration is used for nothing.

    A gradient that is handed on by hand (split models, cached embeddings) comes through the
    forward in another backward; one that is meant for an input comes through it in this one.
    """
    made = backward.loss is not None and not backward.loss.leaf
    if backward.error or not made or backward.reached != () or backward.forwards:
        return False
    leaves = [one.shape for one in backward.strays if one.kind == "Tensor"]
    if len(leaves) != 1 or len(backward.strays) != 1 or not any(vitals.of(Update)):
        return False
    if any(one.reached or one.forwards for one in vitals.of(Backward)):
        return False
    outputs = [
        one.outputs[0].shape
        for one in vitals.of(Forward)
        if one.at < backward.at and one.outputs and one.grad == "on" and one.backward is not True
    ]
    return any(shape[:1] == leaves[0][:1] for shape in outputs)


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


def _say_prediction(seen: Sighting[Backward]) -> Finding:
    shape = seen.first.strays[0].shape
    return seen.finding(
        message=f"the loss is made of a new tensor {shape} and not of the prediction: backward "
        "reaches no parameter",
        cause="the prediction was cut from its graph and wrapped again (.detach(), NumPy, argmax, "
        "torch.tensor(...), then requires_grad), so its gradient goes nowhere",
        fix="give the loss what the model returned, without .detach(), torch.tensor() or NumPy",
        evidence={"parameters_reached": 0, "new_tensor": str(shape), "error": ""},
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
