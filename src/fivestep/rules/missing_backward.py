"""The optimizer steps without a backward since its last step.

*Why is this bad?*
``step`` uses the gradients that ``backward`` left in the parameters. Without a backward it finds
none and changes nothing, or finds those of long ago and repeats them: the batch that was just
computed has no say.

*What to do*
Call ``backward`` on the loss of this batch, with its parentheses, before each update:

    loss.backward()
    optimizer.step()

*When it is wrong*
Gradients that are written into ``.grad`` by hand, a single step before the training (it silences a
warning of schedulers), and an optimizer that needs no gradients are not named, nor is a loop that
now and then has nothing to learn from.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, sightings
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Clear,
    Forward,
    Loss,
    OptimizerFacts,
    Record,
    Site,
    Update,
    Vitals,
)

SEVERITY = Severity.WRONG
EXPLAINS = (
    "gradientless-parameter", "tiny-update", "flat-loss", "evaluation-graph",
    "train-mode-evaluation", "kept-graph", "missing-update", "collapsed-output", "dead-units",
)  # fmt: skip

UPDATES = 3  # one alone may come before the training; two may be two attempts
SHARE = 0.4  # of an optimizer's updates. A step called twice for each backward: a half

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """Updates that find no gradient, or the very one they used before, with no backward between."""
    for optimizer in record.optimizers:
        updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
        idle = [*_empty(record, optimizer, updates), *_repeated(updates)]
        if _times(idle) >= max(UPDATES, SHARE * _times(updates)):
            for seen in sightings(idle):
                yield _say(record, optimizer, seen)


def _times(updates: list[Seen]) -> int:
    return sum(vitals.repeats for vitals, _ in updates)


def _empty(record: Record, optimizer: OptimizerFacts, updates: list[Seen]) -> Iterator[Seen]:
    """Updates that found nothing, and that no backward preceded.

    Whether a loss was forgotten is known where it was looked at; the other updates went alike.
    """
    empty = [(v, e) for v, e in updates if _found_nothing(e)]
    forgot = {e.site for v, e in empty if _forgotten(record, optimizer, v) is not None}
    for vitals, event in empty:
        alone = not event.backwards and not any(vitals.of(Backward))
        alike = event.site in forgot and not vitals.detailed
        if alone or alike or _forgotten(record, optimizer, vitals) is not None:
            yield vitals, event


def _found_nothing(update: Update) -> bool:
    nothing = update.gradients in ("none", "zero") or update.gradient_norm == 0
    moved = update.gradients == "none" and bool(update.update_norm)  # it needs no gradients
    return nothing and not moved and not update.summed


def _forgotten(record: Record, optimizer: OptimizerFacts, vitals: Vitals) -> Site | None:
    """A loss of this optimizer's model that could have been asked for gradients and was not."""
    if not any(one.backward is False for one in vitals.of(Loss)):
        return None
    held = set(optimizer.parameters)
    models = _fed_by(record, {one.number for one in record.models if held & set(one.parameters)})
    clears = [e.at for e in vitals.of(Clear) if optimizer.number in e.optimizers]
    for loss in vitals.of(Loss):
        asked = loss.backward is not False or loss.output is None or not loss.output.requires_grad
        if not asked and loss.model in models and loss.at > min(clears, default=0):
            return loss.site
    return None


def _fed_by(record: Record, models: set[int]) -> set[int]:
    """These models and those that take their outputs: a generator's loss is the critic's answer."""
    for vitals in record.detailed():
        forwards = [one for one in vitals.of(Forward) if one.grad == "on"]
        made = {t.identity for one in forwards if one.model in models for t in one.outputs}
        for one in forwards:
            if one.model not in models and any(t.identity in made for t in one.inputs):
                return _fed_by(record, models | {one.model})
    return models


def _repeated(updates: list[Seen]) -> Iterator[Seen]:
    """Updates that used again what the update before them had used: the norm is the same too."""
    last: Update | None = None
    for vitals, event in updates:
        norm = event.gradient_norm
        if event.untouched and last is not None and norm and norm == last.gradient_norm:
            yield vitals, event
        last = event


def _say(record: Record, optimizer: OptimizerFacts, seen: Sighting[Update]) -> Finding:
    first, name = seen.first, receiver(seen.first.site, "step", "optimizer")
    again = first.gradients not in ("none", "zero") and bool(first.gradient_norm)
    loss = _forgotten(record, optimizer, seen.events[0][0])
    line = f" of the loss in line {loss.line}" if loss is not None else ""
    return seen.finding(
        message=f"{seen.count} updates of {optimizer.kind} with no backward since the update before: "
        + ("they repeat an old gradient" if again else "they found no gradient"),
        cause=f"nothing calls backward{line} between one `{name}.step()` and the next",
        fix=f"call `loss.backward()` before `{name}.step()`"
        + (" and step once for it" if again else ""),
        evidence={
            "updates_without_backward": seen.count,
            "updates": optimizer.updates,
            "backwards": record.count(Backward),
        },
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward  # noqa: B018 -- the parentheses are missing
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
