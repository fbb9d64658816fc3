"""The optimizer holds parameters that no forward uses: it updates another model than the one trained.

*Why is this bad?*
The gradients go to the model in use, the optimizer looks at the one it was made for, and no weight
that matters ever moves. It happens when the model is made again, copied or replaced after the
optimizer, or when the optimizer is made over ``Net().parameters()``: a second network.

*What to do*
Make the optimizer last, over the very model that runs:

    model = Net().to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

*When it is wrong*
Gradients that are carried over by hand, from a worker's copy to the one that is updated, look alike
and are left alone: there the optimizer finds gradients. So are optimizers that wait for their turn,
and one that is done: only an optimizer that steps on, beside backwards of another model, is named.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, receiver, source
from fivestep.practice import Practice
from fivestep.vitals import Backward, OptimizerFacts, ParameterFacts, Record, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (
    "gradientless-parameter", "unheld-parameter", "missing-backward", "stale-gradient", "erased-gradient",
    "detached-loss", "unregistered-module", "missing-update", "flat-loss", "tiny-update", "collapsed-output",
)  # fmt: skip

UPDATES = 3  # without a single gradient, though backwards reached parameters of a model
ALIKE = 0.5  # share of what it holds that has a twin of the same shape in the model that is trained

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """An optimizer steps without a gradient while parameters of the same shapes get theirs."""
    unheld = [one for one in record.parameters if _unheld(one)]
    by_hand = sum(v.repeats for v, event in record.events(Update) if event.optimizer is None)
    if not unheld or by_hand >= UPDATES:  # fewer: weights masked or set back, not trained
        return
    for optimizer in record.optimizers:
        updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
        held = [record.parameters[number] for number in optimizer.parameters]
        idle = updates if _never(updates, held) else _since(updates, {one.number for one in unheld})
        if sum(vitals.repeats for vitals, _ in idle) < UPDATES:
            continue
        backward = _backward(record, unheld)
        if backward is not None and _twins(held, unheld) >= ALIKE * len(held):
            yield _say(idle, optimizer, held, unheld, backward)


def _never(updates: list[Seen], held: list[ParameterFacts]) -> bool:
    """It never found a gradient."""
    empty = all(event.gradients == "none" for _, event in updates)
    return empty and not any(one.reached for one in held)


def _since(updates: list[Seen], unheld: set[int]) -> list[Seen]:
    """Its updates from the one on after which it never got a new gradient, and others did.

    The model was replaced while it trained: the optimizer has the last gradients of the old one.
    """
    last = max((i for i, (_, event) in enumerate(updates) if not _left_alone(event)), default=-1)
    idle = updates[last + 1 :]
    looked = [v for v, _ in idle if any(e.reached is not None for e in v.of(Backward))]
    elsewhere = [v for v in looked if _only(v, unheld)]
    return idle if len(elsewhere) >= UPDATES and len(elsewhere) == len(looked) else []


def _left_alone(update: Update) -> bool:
    """No backward reached what it holds since its last update."""
    return not update.backwards and (update.untouched or update.gradients in ("none", "zero"))


def _only(vitals: Vitals, unheld: set[int]) -> bool:
    """All that the backwards of this iteration reached is held by nobody."""
    reached = [set(event.reached or ()) for event in vitals.of(Backward)]
    return all(one and one <= unheld for one in reached)


def _unheld(facts: ParameterFacts) -> bool:
    return (
        facts.requires_grad
        and not facts.optimizers
        and facts.reached > 0
        and facts.handled < UPDATES
    )


def _twins(held: list[ParameterFacts], unheld: list[ParameterFacts]) -> int:
    """How many have a counterpart of their shape."""
    shapes = [one.shape for one in unheld]
    found = 0
    for one in held:
        if one.shape in shapes:
            shapes.remove(one.shape)
            found += 1
    return found


def _backward(record: Record, unheld: list[ParameterFacts]) -> Backward | None:
    numbers = {one.number for one in unheld}
    return next((e for _, e in record.events(Backward) if numbers & set(e.reached or ())), None)


def _say(
    idle: list[Seen],
    optimizer: OptimizerFacts,
    held: list[ParameterFacts],
    unheld: list[ParameterFacts],
    backward: Backward,
) -> Finding:
    (vitals, update), late = idle[0], any(one.reached for one in held)
    count = sum(one.repeats for one, _ in idle) if late else optimizer.updates
    name = receiver(update.site, "step", "optimizer")
    made = source(optimizer.site)
    own = (
        made
        if f"{optimizer.kind}(" in made
        else f"{name} = torch.optim.{optimizer.kind}(model.parameters())"
    )
    return Finding(
        message=f"{name} holds {len(held)} tensors that no forward uses"
        + (" any more" if late else "")
        + f"; {len(unheld)} others get the gradients",
        cause=f"{optimizer.kind} was made for another model than the one that is trained"
        + (f" from iteration {vitals.iteration} on" if late else "")
        + f", so its {count} updates change nothing that is used",
        fix=f"make the optimizer after the model, over the one that runs: `{own}`",
        evidence={
            "held": len(held),
            "trained_by_nobody": len(unheld),
            "updates": count,
        },
        site=optimizer.site or backward.site,
        iteration=vitals.iteration,
        count=count,
    )


def sick(practice: Practice) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = practice.optimizer(practice.model(model))
    model = practice.model(copy.deepcopy(model))
    loss_fn = practice.loss("mse_loss")
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        model.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    model = practice.model(copy.deepcopy(model))
    optimizer = practice.optimizer(model)
    loss_fn = practice.loss("mse_loss")
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
