"""Trainable parameters get gradients, and no optimizer holds them.

*Why is this bad?*
They stay as they were initialised while everything around them trains. It happens when a layer is
added or replaced after the optimizer was made, or when one of two models is forgotten.

*What to do*
Make the optimizer after the model is complete, over all of it:

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

or freeze what shall not train: ``parameter.requires_grad_(False)``.

*When it is wrong*
Training only the head of a model without freezing the rest looks like a choice (everything held
comes after everything unheld) and is not named. Nor is a whole model that nobody holds (a teacher,
a perceptual loss), but for three: one that feeds a trained model and whose gradients the program
clears by name, a loss with a weight of its own to learn, and a fresh one in training mode (a decoder,
a head) that is given what a trained model answers and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Clear,
    Forward,
    ModelFacts,
    ParameterFacts,
    Record,
    State,
    Update,
    Vitals,
)

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = ("gradientless-parameter", "flat-loss")

LARGER = (
    2.0  # times the weights that are trained: a large one is there already, a small one adapts it
)
# Highest weight to the end that PyTorch starts at, 1 / sqrt(inputs), in weights of 64 elements and
# more: 0.96 and more when fresh (1,000 layers). Trained weights pass 1 or were made otherwise.
FRESH = 0.9
MANY = 64  # elements of such a weight
LAYERS = (
    "Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
)  # fmt: skip
REACHED = 3  # detailed backwards that give a gradient, before anybody may say "never"


def check(record: Record) -> Iterator[Finding]:
    """Some parameters of a model are updated; others have gradients and are held by nobody."""
    if any(event.optimizer is None for _, event in record.events(Update)):
        return
    said: set[int] = set()  # a model may lie inside another one
    everywhere = [one for one in record.parameters if one.optimizers and one.moved]
    for model in record.models:
        facts = [record.parameters[number] for number in model.parameters]
        unheld = [one for one in facts if _unheld(one) and one.number not in said]
        held = [one for one in facts if one.optimizers and one.moved]
        if unheld and held and not _head_only(held, unheld, model):
            said.update(one.number for one in unheld)
            yield _say(record, unheld, held)
        elif unheld and everywhere and _forgotten(record, model, everywhere):
            said.update(one.number for one in unheld)
            yield _say(record, unheld, everywhere)


def _forgotten(record: Record, model: ModelFacts, held: list[ParameterFacts]) -> bool:
    """Nobody holds any of it, and something says that it was to be trained."""
    facts = [record.parameters[number] for number in model.parameters]
    if any(one.optimizers for one in facts):
        return False
    by_name = _cleared_by_name(record, model, held)
    return by_name or _own_weight(record, model, facts) or _next_one(record, model, held)


def _cleared_by_name(record: Record, model: ModelFacts, held: list[ParameterFacts]) -> bool:
    """It comes first in a backward that reaches a trained model, and its gradients are cleared."""
    clears = sum(v.repeats for v, event in record.events(Clear) if event.model == model.number)
    trained, loaded = (
        {one.model for one in held},
        any(event.model == model.number for _, event in record.events(State)),
    )
    if loaded or clears < REACHED:
        return False
    for vitals, backward in record.events(Backward):
        through = backward.forwards or ()
        order = [e.model for e in vitals.of(Forward) if e.at in through]
        if model.number in order and trained & set(order[order.index(model.number) + 1 :]):
            return True
    return False


def _next_one(record: Record, model: ModelFacts, held: list[ParameterFacts]) -> bool:
    """It takes what a trained model answers, and began as PyTorch makes it."""
    facts = [record.parameters[number] for number in model.parameters]
    trained = {one.model for one in held if one.model is not None}
    sizes = [sum(prod(one.shape) for one in some if one.model in trained | {model.number})
             for some in (facts, held)]  # fmt: skip
    if any(event.model == model.number for _, event in record.events(State)):
        return False
    if not _fresh(facts) or sizes[0] > LARGER * sizes[1]:
        return False
    runs = [(v, e) for v, e in record.events(Forward) if e.model == model.number and e.grad == "on"]
    looked = [(v, e) for v, e in runs if e.inputs]
    return bool(looked) and all(_after_trained(v, e, trained) for v, e in looked)


def _after_trained(vitals: Vitals, forward: Forward, trained: set[int]) -> bool:
    """In training mode, and what it is given was made by a trained model just before."""
    before = [e for e in vitals.of(Forward) if e.at < forward.at and e.grad == "on"]
    fed = any(one.requires_grad and not one.leaf for one in forward.inputs)
    return forward.training and fed and any(e.model in trained for e in before)


def _fresh(facts: list[ParameterFacts]) -> bool:
    """All weights of its layers lie between the ends that PyTorch draws from, and reach them."""
    weights = [one for one in facts if one.owner in LAYERS and len(one.shape) > 1]
    large = [one for one in weights if prod(one.shape) >= MANY]
    return bool(large) and all(_reach(one) <= 1 + 1e-3 for one in weights) and (
        all(_reach(one) >= FRESH for one in large)
    )  # fmt: skip


def _reach(weight: ParameterFacts) -> float:
    """Largest of a weight to the end of its range."""
    low, high = weight.initial or (0.0, 0.0)
    return max(-low, high) * prod(weight.shape[1:]) ** 0.5


def _own_weight(record: Record, model: ModelFacts, facts: list[ParameterFacts]) -> bool:
    """All it has are constants of its own class to start with, and what it gives is the loss."""
    own = all(
        one.owner == model.kind and one.initial and one.initial[0] == one.initial[1]
        for one in facts
    )
    if not own:
        return False
    given = [
        forward.outputs[0].shape == ()
        for vitals, backward in record.events(Backward)
        for forward in vitals.of(Forward)
        if forward.model == model.number
        and forward.at in (backward.forwards or ())
        and forward.outputs
    ]
    return bool(given) and all(given)


def _unheld(facts: ParameterFacts) -> bool:
    return (
        facts.requires_grad
        and not facts.frozen_after
        and not facts.optimizers
        and facts.reached >= REACHED
    )


def _head_only(held: list[ParameterFacts], unheld: list[ParameterFacts], model: ModelFacts) -> bool:
    place = {number: i for i, number in enumerate(model.parameters)}
    return max(place[one.number] for one in unheld) < min(place[one.number] for one in held)


def _say(record: Record, unheld: list[ParameterFacts], held: list[ParameterFacts]) -> Finding:
    names = record.names(one.number for one in unheld)
    vitals, backward = next(
        (v, e) for v, e in record.events(Backward) if e.reached and unheld[0].number in e.reached
    )
    optimizer = record.optimizers[held[0].optimizers[0]]
    return Finding(
        message=f"{names} get gradients and are in no optimizer",
        cause=f"{optimizer.kind} was made over {len(optimizer.parameters)} tensors and not these; they keep their initial values",
        fix="make the optimizer over `model.parameters()` once the model is complete"
        if held[0].model == unheld[0].model
        else "give the optimizer both: `[*first.parameters(), *second.parameters()]`",
        evidence={"unheld": len(unheld), "held": len(held), "reached": unheld[0].reached},
        site=optimizer.site or backward.site,
        iteration=vitals.iteration,
        count=max(one.reached for one in unheld),
    )


def sick(practice: Practice) -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16))
    model, parameters = practice.model(model), list(model.parameters())
    optimizer = practice.optimizer(parameters[:2])
    loss_fn = practice.loss("mse_loss")
    for inputs, targets in practice.regression(8):
        loss = loss_fn(model(inputs)[:, :1], targets)
        optimizer.zero_grad()
        model.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1)))
    optimizer = practice.optimizer(model)
    loss_fn = practice.loss("mse_loss")
    for inputs, targets in practice.regression(8):
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
