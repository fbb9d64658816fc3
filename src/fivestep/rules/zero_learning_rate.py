"""The learning rate is 0 while training goes on.

*Why is this bad?*
Forward, loss and backward are paid for, and the update multiplies the gradient by nothing. It
happens with a schedule that ends too early, an integer division (``1 // 10``), or a warm-up that
never leaves its first value. A rate below 0 is worse: it climbs.

*What to do*
Give the optimizer a rate, and make the schedule as long as the training:

    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs)

*When it is wrong*
A warm-up may begin at 0, a schedule may end there, one group of parameters may be frozen by its
rate, and one of several optimizers may wait for its turn. None of these is named.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.vitals import OptimizerFacts, Record, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = ("flat-loss", "tiny-update", "hasty-schedule", "collapsed-output")
WITHOUT = {"accumulate": "a schedule takes a plain optimizer"}

UPDATES = 5  # at rate 0: fewer are the end of a schedule or the start of a warm-up
AT_END = 0.2  # share of all updates. The last epoch of ten ends at 0 in many sound schedules
AT_START = (
    0.5  # share of all updates, before a rate that rises: a first epoch of warm-up is shorter
)

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """Updates with a gradient and a rate of 0 or below in every group, too many to be meant."""
    several = sum(one.updates > 0 for one in record.optimizers) > 1
    for optimizer in record.optimizers:
        seen = [
            (v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number and e.rates
        ]
        if not seen or _by_group(optimizer, seen):
            continue
        lasted, at_start = _lasted(optimizer)
        share = lasted / max(1, optimizer.updates)
        limit = 1.0 if several else AT_START if at_start else AT_END
        if lasted >= UPDATES and share >= limit:
            yield _say(_first_still(optimizer, seen), optimizer, lasted)


def _by_group(optimizer: OptimizerFacts, seen: list[Seen]) -> bool:
    """Some group goes on at a rate above 0, or may: the rates over time are those of the first."""
    still = [event for _, event in seen if max(event.rates) <= 0 and event.gradients == "some"]
    if any(event.rates[0] <= 0 < max(event.rates) for _, event in seen):
        return True
    return not still and (len(optimizer.groups) > 1 or seen[-1][1].gradients != "some")


def _first_still(optimizer: OptimizerFacts, seen: list[Seen]) -> tuple[int, Update]:
    """The iteration of the first update at a rate of 0, kept or not, and an update at its line."""
    kept = next(((v, e) for v, e in seen if max(e.rates) <= 0 and e.gradients == "some"), None)
    if kept is not None:
        return kept[0].iteration, kept[1]
    last, event = seen[-1]
    first = next(at for at, rate in optimizer.rates if rate <= 0)
    return max(last.iteration + 1, first), event


def _lasted(optimizer: OptimizerFacts) -> tuple[int, bool]:
    """Updates at a rate of 0 or below, and whether a rate above 0 came after them."""
    ends = [at for at, _ in optimizer.rates[1:]] + [max(optimizer.updates + 1, 2)]
    spans = [
        (end - at, rate) for (at, rate), end in zip(optimizer.rates, ends, strict=True)
    ]  # the first entry stands at update 1
    lasted = sum(length for length, rate in spans if rate <= 0)
    return min(lasted, optimizer.updates), bool(spans) and spans[-1][1] > 0


def _say(still: tuple[int, Update], optimizer: OptimizerFacts, lasted: int) -> Finding:
    iteration, first = still
    rate = min(rate for _, rate in optimizer.rates)
    name = receiver(first.site, "step", "optimizer")
    began = optimizer.rates[0][1] if optimizer.rates else rate
    became = f" (it began at {began:g})" if began > 0 else ""
    return Finding(
        message=f"the rate of {name} is {rate:g} in {lasted} of {optimizer.updates} updates{became}",
        cause="the schedule brings it there too early"
        if began > 0
        else f"{optimizer.kind} was given it from the start",
        fix="make the schedule as long as the training"
        if began > 0
        else f"give {optimizer.kind} a rate above 0: lr=0.01",
        evidence={
            "updates_without_a_rate": lasted,
            "updates": optimizer.updates,
            "rate": rate,
            "first_rate": began,
        },
        site=first.site,
        iteration=iteration,
        count=lasted,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=6)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=practice.updates)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
