"""An evaluation builds a graph that no backward ever uses.

*Why is this bad?*
Every operation of the forward keeps what a backward would need: memory for nothing, often several
times that of the evaluation itself, and some time. The figures are right.

*What to do*
Evaluate without gradients:

    with torch.no_grad():
        prediction = model(inputs)

*When it is wrong*
Only a model that this program trains or loads is looked at, where the same line never leads to a
backward or a derivative, and where it happens again and again. A single look costs nothing to speak of.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn import functional

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.rules.train_mode_evaluation import evaluations, without_backward
from fivestep.vitals import Forward, Record, Vitals

SEVERITY = Severity.COSTLY
NEEDS = ("evaluation",)

FORWARDS = 3  # with a graph for nothing: a single one costs nothing to speak of


def check(record: Record) -> Iterator[Finding]:
    """Outputs that require a gradient, in forwards that are scored or in eval mode."""
    for seen in sightings(_wasted(record)):
        if seen.count >= FORWARDS:
            yield _say(seen, record)


def _wasted(record: Record) -> Iterator[tuple[Vitals, Forward]]:
    scored = {forward.at for _, forward in evaluations(record)}
    for vitals, forward, _ in without_backward(record):
        evaluates = forward.at in scored or not forward.training
        if evaluates and forward.grad == "on" and any(one.requires_grad for one in forward.outputs):
            yield vitals, forward


def _say(seen: Sighting[Forward], record: Record) -> Finding:
    first = seen.first
    return seen.finding(
        message=f"{seen.count} evaluations of {record.models[first.model].kind} build a graph for nothing",
        cause="gradients are on, and no backward comes of this forward",
        fix="put it under `with torch.no_grad():`",
        evidence={"forwards": seen.count, "grad_mode": first.grad, "training_mode": first.training},
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    unseen, labels = practice.cast(torch.randn(32, 8)), torch.randint(3, (32,))
    for step, (inputs, targets) in enumerate(practice.classification()):
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 6 == 5:
            model.eval()
            functional.cross_entropy(model(unseen), labels).item()
            model.train()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    unseen, labels = practice.cast(torch.randn(32, 8)), torch.randint(3, (32,))
    for step, (inputs, targets) in enumerate(practice.classification()):
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 6 == 5:
            model.eval()
            with torch.no_grad():
                functional.cross_entropy(model(unseen), labels).item()
            model.train()
