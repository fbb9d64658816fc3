"""NaN or infinite numbers are in the data.

*Why is this bad?*
One NaN among the inputs or targets makes the loss of its batch NaN, one such loss makes every
gradient NaN, and one update makes every weight NaN. Nothing brings them back.

*What to do*
Find where they come from (missing values, the log of 0, a constant column divided by its standard
deviation of 0) and fill or drop them before training:

    keep = torch.isfinite(inputs).all(dim=1)
    inputs, targets = inputs[keep], targets[keep]

*When it is wrong*
Missing values that the model or the loss knows how to leave out are not named: only where the loss
that is asked for gradients (or that evaluates) is not finite either. Masks of 0 and -inf, and
numbers that a training gone wrong has made itself, are left alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from fivestep.finding import Finding, Severity, argument
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Batch,
    Forward,
    Loss,
    Record,
    Site,
    TensorFacts,
    Update,
    Vitals,
)

SEVERITY = Severity.WRONG
NEEDS = ("forward",)
EXPLAINS = (
    "nonfinite-loss", "nonfinite-gradient", "exploding-gradient", "dead-units", "collapsed-output",
    "unscaled-input", "huge-update", "vanishing-gradient", "gradientless-parameter",
    "mixed-samples", "diverging-loss", "zigzag-loss", "flat-loss",
)  # fmt: skip


@dataclass(slots=True)
class _Seen:
    """A tensor of the data that is not finite."""

    what: str  # "inputs" or "targets"
    of: str  # the model, the loss function
    facts: TensorFacts
    vitals: Vitals
    site: Site | None


def check(record: Record) -> Iterator[Finding]:
    """Data that is not finite comes first, and a loss that is not finite comes of it."""
    broken = min((s.first_bad for s in record.series if s.first_bad is not None), default=None)
    if broken is None:
        return
    seen = [one for one in _seen(record) if _harms(one.vitals)]
    if seen and seen[0].vitals.iteration <= broken:
        yield _say(seen)


def _seen(record: Record) -> Iterator[_Seen]:
    """What came into the training from outside and is not finite."""
    updated = False
    for vitals in record.iterations:
        for event in vitals.events:
            updated |= isinstance(event, Update)
            if isinstance(event, Forward):
                given = [one for one in event.inputs if _bad(one, updated)]
                kind = record.models[event.model].kind
                yield from (_Seen("inputs", kind, one, vitals, event.site) for one in given)
                if not given and any(_not_finite(one) for one in event.outputs):
                    return  # the model made them
            elif (
                isinstance(event, Loss) and event.target is not None and _bad(event.target, updated)
            ):
                yield _Seen("targets", event.function, event.target, vitals, event.site)
            elif isinstance(event, Batch):
                bad = [one for one in event.tensors if _bad(one, updated)]
                yield from (
                    _Seen("batch", "the DataLoader", one, vitals, event.site) for one in bad
                )


def _not_finite(facts: TensorFacts) -> bool:
    return facts.floating and facts.numbers is not None and not facts.numbers.finite


def _bad(facts: TensorFacts, updated: bool) -> bool:
    """Not finite, no mask, and nothing that training itself can have made."""
    if not _not_finite(facts) or facts.numbers is None:
        return False
    mask = facts.numbers.lowest == -math.inf and facts.numbers.highest <= 0
    return not mask and facts.leaf and not (facts.requires_grad and updated)


def _harms(vitals: Vitals) -> bool:
    """The loss of this iteration is not finite."""
    trained = any(_wrong(one.value) for one in vitals.of(Backward))
    return trained or any(_wrong(one.value) and one.grad != "on" for one in vitals.of(Loss))


def _wrong(value: float | None) -> bool:
    return value is not None and not math.isfinite(value)


def _say(seen: list[_Seen]) -> Finding:
    first = next((one for one in seen if one.what != "batch"), seen[0])
    numbers = first.facts.numbers
    assert numbers is not None
    value = "NaN" if math.isnan(numbers.lowest) else "infinite numbers"
    count = sum({id(one.vitals): one.vitals.repeats for one in seen}.values())
    name = argument(first.site, "inputs") if first.what == "inputs" else first.what
    return Finding(
        message=f"the {first.what} of {first.of} hold {value} "
        f"in iteration {first.vitals.iteration}, and its loss is not finite",
        cause="the data itself is not finite: missing values, the log of 0, a column divided by 0",
        fix="fill or drop them before training: "
        f"`{name}[torch.isfinite({name}).flatten(1).all(dim=1)]` are the sound rows",
        evidence={
            "tensor": first.what,
            "value": "nan" if math.isnan(numbers.lowest) else "inf",
            "shape": str(first.facts.shape),
            "batches": count,
        },
        site=first.site,
        iteration=first.vitals.iteration,
        count=count,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        inputs[0, 2] = torch.nan  # a value is missing
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        inputs[0, 2] = torch.nan
        loss = loss_fn(model(inputs.nan_to_num()), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
