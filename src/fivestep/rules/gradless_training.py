"""The forward of a training step runs with gradients switched off.

*Why is this bad?*
Under ``no_grad`` or ``inference_mode`` nothing is written down for backward. It then raises "does
not require grad", or, where the loss was made to require one by hand, it runs and reaches no weight.

*What to do*
Take the forward of the training out of ``with torch.no_grad():``, and end a
``torch.set_grad_enabled(False)`` before training goes on.

*When it is wrong*
Forwards without gradients whose loss is never asked for a gradient (validation, rollouts, teachers)
are not named.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Forward, Record, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("forward",)
EXPLAINS = (
    "detached-loss",
    "missing-update",
    "gradientless-parameter",
    "evaluation-graph",
    "flat-loss",
    "tiny-update",
)

NAMES = {"off": "torch.no_grad()", "inference": "torch.inference_mode()"}


def check(record: Record) -> Iterator[Finding]:
    """A backward reaches nothing, and the forward before it ran without gradients."""
    seen = list(_gradless(record))
    for one in sightings((v, f) for v, f in seen if f.grad in NAMES):
        yield _say(one, record)
    for one in sightings((v, f) for v, f in seen if f.grad not in NAMES):
        yield _say_inside(one, record)


def _gradless(record: Record) -> Iterator[tuple[Vitals, Forward]]:
    last: Forward | None = None
    for vitals in record.iterations:
        if any(backward.reached for backward in vitals.of(Backward)):
            continue  # another forward carries the gradient (embeddings cached in a first pass)
        for event in vitals.events:
            if isinstance(event, Forward):
                last = event
                continue
            empty = isinstance(event, Backward) and _reaches_nothing(event)
            if empty and last is not None and _switched_off(last) and _trains(record, last):
                yield vitals, last


def _switched_off(forward: Forward) -> bool:
    """Around the whole forward, or inside it: around every layer that could have learned."""
    if forward.grad in NAMES:
        return True
    outputs = [
        run.output
        for run in forward.modules or ()
        if run.leaf and run.trainable and run.output is not None and run.output.floating
    ]
    return bool(outputs) and not any(one.requires_grad for one in outputs)


def _reaches_nothing(backward: Backward) -> bool:
    if "does not require grad" in backward.error:
        return True
    return backward.reached == () and not backward.strays  # a gradient for the input is meant


def _trains(record: Record, forward: Forward) -> bool:
    owned = record.models[forward.model].parameters
    return any(record.parameters[number].requires_grad for number in owned)


def _say(seen: Sighting[Forward], record: Record) -> Finding:
    first = seen.first
    how = NAMES[first.grad]
    return seen.finding(
        message=f"{record.models[first.model].kind} runs under {how}, and its loss is asked for gradients",
        cause="without gradients nothing connects the loss to the weights, so no weight can learn",
        fix=f"take this forward out of `with {how}:`",
        evidence={"grad_mode": first.grad, "parameters_reached": 0},
    )


def _say_inside(seen: Sighting[Forward], record: Record) -> Finding:
    kind = record.models[seen.first.model].kind
    return seen.finding(
        message=f"the layers of {kind} run with gradients off, and its loss is asked for gradients",
        cause=f"no_grad or inference_mode stands inside {kind}: nothing connects the loss to the weights",
        fix=f"take `torch.no_grad()` or `torch.inference_mode()` out of the forward of {kind}",
        evidence={"grad_mode": "off inside", "parameters_reached": 0},
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        with torch.no_grad():
            prediction = model(inputs)
        loss = loss_fn(prediction, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        prediction = model(inputs)
        loss = loss_fn(prediction, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
