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
from fivestep.vitals import Backward, Forward, Loss, Record, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (
    "gradientless-parameter", "missing-update", "missing-backward", "flat-loss", "tiny-update",
    "orphaned-optimizer", "unregistered-module", "unheld-parameter", "vanishing-gradient",
)  # fmt: skip

Shape = tuple[int, ...]


def check(record: Record) -> Iterator[Finding]:
    """A backward without a graph, or whose graph ends before any parameter or input."""
    if not any(facts.requires_grad for facts in record.parameters):
        return
    for seen in sightings((v, e) for v, e in record.events(Backward) if _cut(e)):
        yield _say(seen)
    for seen in sightings((v, e) for v, e in record.events(Backward) if _cut_before(v, e)):
        yield _say_prediction(seen)
    for seen in sightings((v, e) for v, e in record.events(Backward) if _of_numbers(v, e)):
        if any(e.strays[0].fresh for _, e in seen.events):  # not one leaf that is trained by hand
            yield _say_numbers(seen)


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
    leaf = _only_leaf(vitals, backward)
    unused = [one.outputs[0].shape for one in _unused(vitals, backward) if one.outputs]
    return leaf is not None and any(shape[:1] == leaf[:1] for shape in unused)


def _of_numbers(vitals: Vitals, backward: Backward) -> bool:
    """The loss is made of a new leaf with one number for each forward, or each loss, unused so far.

    So it is where ``loss.item()`` or ``log_prob.item()`` are gathered in a list and made a tensor.
    """
    leaf = _only_leaf(vitals, backward)
    if leaf is None or len(leaf) > 1 or _cut_before(vitals, backward):
        return False
    numbers = leaf[0] if leaf else 1
    losses = [one for one in vitals.of(Loss) if _is_unused(one, backward) and _has_graph(one)]
    forwards = _unused(vitals, backward)
    return len(losses) == numbers or (numbers > 1 and len(forwards) == numbers)


def _only_leaf(vitals: Vitals, backward: Backward) -> Shape | None:
    """The shape of the only leaf that this backward reaches, and no other backward came first."""
    made = backward.loss is not None and not backward.loss.leaf
    if backward.error or not made or backward.reached != () or backward.forwards:
        return None
    leaves = [one.shape for one in backward.strays if one.kind == "Tensor"]
    if len(leaves) != 1 or len(backward.strays) != 1 or not any(vitals.of(Update)):
        return None
    others = any(one.reached or one.forwards for one in vitals.of(Backward))
    return None if others else leaves[0]


def _unused(vitals: Vitals, backward: Backward) -> list[Forward]:
    return [one for one in vitals.of(Forward) if one.grad == "on" and _is_unused(one, backward)]


def _is_unused(event: Forward | Loss, backward: Backward) -> bool:
    return event.at < backward.at and event.backward is not True


def _has_graph(loss: Loss) -> bool:
    return loss.output is not None and loss.output.requires_grad


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


def _say_numbers(seen: Sighting[Backward]) -> Finding:
    shape = seen.first.strays[0].shape
    return seen.finding(
        message=f"the loss is made of plain numbers in a new tensor {shape}: backward reaches no "
        "parameter",
        cause="the numbers were taken out of their graph (.item(), float(), torch.tensor([...])), "
        "so requires_grad on the new tensor leads nowhere",
        fix="keep the tensors in the list and join them with torch.stack(...), without .item() or "
        "torch.tensor()",
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
