"""Gradients are clipped where it does nothing: before backward, after the update, or while scaled.

*Why is this bad?*
The update uses the gradients as ``backward`` left them. Clipped before, there is nothing yet;
clipped after, it is too late; clipped under a ``GradScaler`` before ``unscale_``, the limit is
compared with a gradient that is thousands of times too long.

*What to do*
Clip between backward and update:

    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()

With a ``GradScaler``, call ``scaler.unscale_(optimizer)`` first.

*When it is wrong*
``clip_grad_norm_`` with an infinite limit only measures the norm and may stand anywhere. A loop
that also clips in the right place is not named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, sightings, source
from fivestep.practice import Practice
from fivestep.vitals import Backward, Clip, Event, Record, Scale, Update, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("clip",)
EXPLAINS = ("exploding-gradient", "huge-update", "tiny-update", "flat-loss")

CLIPS = 2  # one alone may be a trial
MEASURES = 1e6  # a limit from here on is there to read the norm; so is a limit times the scale


class Placed(NamedTuple):
    """A clip, and what is wrong with its place if no update comes right after it."""

    vitals: Vitals
    clip: Clip
    why: str


def check(record: Record) -> Iterator[Finding]:
    """No update of an optimizer ever saw clipped gradients, though clipped they are."""
    for optimizer in record.optimizers:
        clips, clipped = _places(record, optimizer.number)
        if len(clips) >= CLIPS and optimizer.updates >= CLIPS and not clipped:
            for seen in sightings((one.vitals, one.clip) for one in clips):
                whys = [one.why for one in clips if one.clip.site == seen.first.site]
                yield _say(seen, max(set(whys), key=whys.count), record)


def _places(record: Record, optimizer: int) -> tuple[list[Placed], bool]:
    """The clips, and whether an update came right after one: as long as all iterations are kept."""
    clips: list[Placed] = []
    fresh = ready = clipped = False
    for vitals, event in _in_order(record):
        if isinstance(event, Backward) and optimizer in event.optimizers:
            fresh, ready = True, False
        elif isinstance(event, (Update, Scale)) and _uses(event, optimizer):
            clipped, fresh, ready = clipped or ready, False, False
        elif isinstance(event, Clip) and optimizer in event.optimizers and event.limit < MEASURES:
            why = "scaled" if event.scaled else "after"
            if not event.scaled and _backward_follows(vitals, event, optimizer):
                why = "before"
            clips.append(Placed(vitals, event, why))
            ready = fresh and not event.scaled
    return clips, clipped


def _uses(event: Update | Scale, optimizer: int) -> bool:
    """An update, or one that a GradScaler skipped."""
    skipped = isinstance(event, Scale) and event.skipped
    return event.optimizer == optimizer and (isinstance(event, Update) or skipped)


def _in_order(record: Record) -> Iterator[tuple[Vitals, Event]]:
    last = 0
    for vitals in record.iterations:
        if vitals.iteration > last + 1:
            return
        last = max(last, vitals.iteration)
        yield from ((vitals, event) for event in vitals.events)


def _backward_follows(vitals: Vitals, clip: Clip, optimizer: int) -> bool:
    return any(e.at > clip.at and optimizer in e.optimizers for e in vitals.of(Backward))


def _say(seen: Sighting[Clip], why: str, record: Record) -> Finding:
    first = seen.first
    name = next(
        (receiver(e.site, "step", "optimizer") for _, e in record.events(Update)), "optimizer"
    )
    line = (
        f"`{source(first.site)}`"
        if source(first.site).endswith(")")
        else f"the call of {first.function}"
    )
    where = {
        "before": "stands before backward: there is no gradient of this batch yet",
        "after": "stands after the update: it clips a gradient that was used already",
        "scaled": "clips gradients that still carry the GradScaler's factor",
    }[why]
    fix = (
        f"put `scaler.unscale_({name})` before {line}"
        if why == "scaled"
        else f"move {line} between backward and `{name}.step()`"
    )
    finite = [
        e.total_norm
        for _, e in seen.events
        if e.total_norm is not None and math.isfinite(e.total_norm)
    ]
    return seen.finding(
        message=f"{first.function} {where}",
        cause=f"the update never sees gradients clipped to {first.limit:g}",
        fix=fix,
        evidence={
            "place": why,
            "limit": first.limit,
            "clips": seen.count,
            **({"largest_norm": max(finite)} if finite else {}),
        },
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
