"""The gradients are cleared between backward and update.

*Why is this bad?*
The update finds no gradient and changes nothing: every number is computed and thrown away. The
loss stays where it was, and no error says so.

*What to do*
Move ``zero_grad`` before ``backward``, or after ``step``:

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

*When it is wrong*
A loop that drops a bad batch by clearing before it steps does so now and then. Only a loop in which
at least half of the updates find nothing is named.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Clear, Clip, Forward, Record, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (
    "missing-update",
    "gradientless-parameter",
    "tiny-update",
    "flat-loss",
    "vanishing-gradient",
)
WITHOUT = {"accumulate": "the last batch of each window would survive: another fault"}

SHARE = 0.5  # of the updates of an optimizer, from which on it is no exception any more
TIMES = 3  # measured updates, where the clearing itself was not heard

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """A backward, then a clear, then an update that finds nothing."""
    for optimizer in record.optimizers:
        updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
        erased = [(v, e) for v, e in updates if _erased(e) and not _began_anew(record, v, e)]
        if erased and _times(erased) >= SHARE * _times(updates):
            for seen in sightings(erased):
                yield _say(seen)
        zeroed = [(v, e) for v, e in updates if _by_hand(record, v, e)]
        measured = [(v, e) for v, e in updates if e.gradient_norm is not None]
        if len(zeroed) >= TIMES and len(zeroed) >= SHARE * len(measured):
            for seen in sightings(zeroed):
                yield _say_by_hand(seen)


def _times(updates: list[Seen]) -> int:
    return sum(vitals.repeats for vitals, _ in updates)


def _erased(update: Update) -> bool:
    return (
        update.cleared is not None and update.backwards > 0 and update.gradients in ("none", "zero")
    )


def _by_hand(record: Record, vitals: Vitals, update: Update) -> bool:
    """A backward of this optimizer alone made a gradient, and the update found none of it.

    Nothing cleared it that is heard: ``p.grad.zero_()`` or ``p.grad = None`` in a loop.
    """
    empty = update.gradients in ("none", "zero") or update.gradient_norm == 0
    if not empty or update.cleared is not None or update.gradient_norm is None:
        return False
    before = [one for one in vitals.of(Backward) if one.at < update.at]
    last = before[-1] if before and update.backwards else None
    if last is None or last.optimizers != (update.optimizer,) or not last.gradient_norm:
        return False
    held = set(record.optimizers[update.optimizer or 0].parameters)
    cut = any(one.at > last.at and one.limit <= 0 for one in vitals.of(Clip))
    return not cut and bool(last.reached) and held.issuperset(last.reached or ())


def _began_anew(record: Record, vitals: Vitals, update: Update) -> bool:
    """A forward of its own followed the clear: the backward before it was another model's."""
    clears = (
        e.at for e in vitals.of(Clear) if update.optimizer in e.optimizers and e.at < update.at
    )
    cleared = max(clears, default=update.at)
    held = set(record.optimizers[update.optimizer or 0].parameters)
    after = (e for e in vitals.of(Forward) if cleared < e.at < update.at and e.grad == "on")
    return any(held & set(record.models[e.model].parameters) for e in after)


def _say(seen: Sighting[Update]) -> Finding:
    first = seen.first
    name = receiver(first.cleared, "zero_grad", "optimizer")
    return seen.finding(
        message=f"{name}.zero_grad() stands between backward and update: {seen.count} updates found no gradient",
        cause="the gradients that backward has just made are cleared before the update can use them",
        fix=f"move `{name}.zero_grad()` before the backward in line {_line(first)}",
        evidence={"backwards": first.backwards, "gradients_at_update": first.gradients},
        site=first.cleared,
    )


def _say_by_hand(seen: Sighting[Update]) -> Finding:
    first = seen.first
    return seen.finding(
        message=f"the gradients are emptied between backward and update: {seen.count} updates "
        "found nothing of the gradient that backward had made",
        cause="`.grad` is set to zero or None by hand after the backward and before the update",
        fix=f"empty the gradients before the backward in line {_line(first)}, or after the update",
        evidence={"backwards": first.backwards, "gradients_at_update": "zero"},
    )


def _line(update: Update) -> str:
    return str(update.last_backward.line) if update.last_backward is not None else "of the loss"


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
