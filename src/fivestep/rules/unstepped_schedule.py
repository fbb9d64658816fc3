"""A schedule was made and is never stepped: the rate stays where it began.

*Why is this bad?*
Making a schedule only sets its first rate. Without its steps a decay never decays; and a warm-up
never warms up, so that all of the training runs at a small part of the rate.

*What to do*
Step it after the update, or after the epoch if its numbers count epochs:

    optimizer.step()
    scheduler.step()

*When it is wrong*
A schedule whose first step is still to come (a first epoch, a condition that was not met yet) and
one that another schedule steps are not named: a step written anywhere in the file is left alone.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, receiver, source
from fivestep.practice import Practice
from fivestep.vitals import EpochEnd, OptimizerFacts, Record, SchedulerFacts, Site, Update

SEVERITY = Severity.WRONG
NEEDS = ("schedule",)
EXPLAINS = ("tiny-update", "flat-loss", "zero-learning-rate")
WITHOUT = {"accumulate": "a schedule takes a plain optimizer"}

UPDATES = 8  # of its optimizer without a step: more than a run that is only tried out


def check(record: Record) -> Iterator[Finding]:
    """No schedule of this optimizer moved, it has updated often, and no step is written."""
    moved = {one.optimizer for one in record.schedulers if one.steps}
    inside = any(one.inner for one in record.schedulers)
    for facts in record.schedulers:
        if facts.steps or facts.inner or facts.optimizer is None or facts.optimizer in moved:
            continue
        optimizer = record.optimizers[facts.optimizer]
        waits = _waits(record) or (inside and not facts.site)
        if optimizer.updates >= UPDATES and not waits and not _written(facts.site):
            yield _say(record, facts, optimizer)


def _waits(record: Record) -> bool:
    """The program was cut off, or no epoch of its loader is over yet."""
    return bool(record.ended) or (bool(record.loaders) and not record.count(EpochEnd))


def _written(site: Site | None) -> bool:
    """A step of this schedule stands somewhere in its file, though it was not reached."""
    if site is None:
        return True
    name = _name(site)
    try:
        tree = ast.parse("".join(linecache.getlines(site.file)))
    except SyntaxError:
        return True
    return any(_steps(node, name) for node in _scope(tree, site, name))


def _name(site: Site) -> str:
    """What the schedule is called: ``scheduler`` in ``self.scheduler = StepLR(...)``, or ""."""
    found = re.match(r"\s*([\w.]+)\s*(?::[^=]+)?=[^=]", source(site))
    return found.group(1).split(".")[-1] if found else ""


def _scope(tree: ast.AST, site: Site, name: str) -> Iterator[ast.AST]:
    """All of the file but the functions that make a schedule of the same name for themselves."""
    for node in ast.iter_child_nodes(tree):
        function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if (
            function
            and not node.lineno <= site.line <= (node.end_lineno or 0)
            and _makes(node, name)
        ):
            continue
        yield node
        yield from _scope(node, site, name)


def _makes(function: ast.AST, name: str) -> bool:
    made = (node for node in ast.walk(function) if isinstance(node, ast.Assign))
    return any(
        isinstance(one, ast.Name) and one.id == name for node in made for one in node.targets
    )


def _steps(node: ast.AST, name: str) -> bool:
    """``name.step(...)``, or where the name is not known, the step of anything called a schedule."""
    if (
        not isinstance(node, ast.Call)
        or not isinstance(node.func, ast.Attribute)
        or node.func.attr != "step"
    ):
        return False
    called = ast.unparse(node.func.value).lower()
    return (bool(name) and name.lower() in called) or "sched" in called


def _say(record: Record, facts: SchedulerFacts, optimizer: OptimizerFacts) -> Finding:
    updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
    vitals, update = updates[0]
    name = (facts.site and _name(facts.site)) or "scheduler"
    rate = max(update.rates, default=float("nan"))
    return Finding(
        message=f"{facts.kind} was made and never stepped in {optimizer.updates} updates: the rate stays {rate:g}",
        cause=f"nothing calls {name}.step(), so the schedule stays at its first rate",
        fix=f"put `{name}.step()` after `{receiver(update.site, 'step', 'optimizer')}.step()`, or after each epoch",
        evidence={"schedule_steps": 0, "updates": optimizer.updates, "rate": rate},
        site=facts.site,
        iteration=vitals.iteration,
        count=optimizer.updates,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.5)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert schedule.get_last_lr()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=8, gamma=0.5)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
