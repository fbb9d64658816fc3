"""The schedule moves before the optimizer does: the first rate is never used.

*Why is this bad?*
A schedule is stepped to say that an update, or an epoch of them, is done. Stepped first, it throws
its first rate away, and every later rate comes one step too early: a warm-up starts too high, a
decay begins too soon.

*What to do*
Step the schedule after the update that it follows:

    optimizer.step()
    scheduler.step()

*When it is wrong*
A program that winds a schedule forward, to go on with an earlier training, steps it at another line
than later on. A first update that a GradScaler skipped is no fault of the order. Neither is named.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver
from fivestep.practice import Practice
from fivestep.vitals import Backward, Record, Scale, Schedule, Update, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("schedule",)
EXPLAINS = ("hasty-schedule", "zero-learning-rate")
WITHOUT = {"accumulate": "a schedule takes a plain optimizer"}

TIMES = 2  # steps at the same line: one alone may wind a schedule forward

Seen = tuple[Vitals, Schedule]


def check(record: Record) -> Iterator[Finding]:
    """A schedule's first step comes before any update, by the order of the lines."""
    for facts in record.schedulers:
        steps = [(v, e) for v, e in record.events(Schedule) if e.scheduler == facts.number]
        if facts.inner or facts.optimizer is None or not steps or not steps[0][1].first:
            continue
        same = [seen for seen in steps if seen[1].site == steps[0][1].site]
        if len(same) >= TIMES and _out_of_order(record, same[0], same[1], facts.optimizer):
            yield _say(Sighting(same), record, facts.optimizer)


def _out_of_order(record: Record, first: Seen, second: Seen, optimizer: int) -> bool:
    early, later = first[1].at, second[1].at
    skipped = any(e.skipped and e.at < early for _, e in record.events(Scale))
    updates = [e.at for _, e in record.events(Update) if e.optimizer == optimizer]
    between = any(early < at < later for at in updates)
    began = any(e.at < early for _, e in record.events(Backward))
    soon = any(
        e.at > early and e.optimizer == optimizer for e in first[0].events if isinstance(e, Update)
    )
    return not skipped and between and (soon or not began)


def _say(seen: Sighting[Schedule], record: Record, optimizer: int) -> Finding:
    facts = record.optimizers[optimizer]
    update = next((e.site for _, e in record.events(Update) if e.optimizer == optimizer), None)
    scheduler = receiver(seen.first.site, "step", "scheduler")
    before, after = (rates[:1] for rates in (seen.first.before, seen.first.after))
    change = f" ({before[0]:g} became {after[0]:g})" if before and after else ""
    return seen.finding(
        message=f"{scheduler}.step() comes before the first update{change}",
        cause=f"the schedule is stepped before {facts.kind} updates, so its first rate is skipped",
        fix=f"put `{scheduler}.step()` after `{receiver(update, 'step', 'optimizer')}.step()`",
        evidence={"steps_before_the_first_update": 1, "updates": facts.updates},
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)
    for inputs, targets in practice.regression():
        scheduler.step()
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
