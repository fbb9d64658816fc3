"""``module.requires_grad = False`` does nothing: the parameters of the module still train.

*Why is this bad?*
Python lets anybody set any attribute on a module; autograd asks the parameters. The layers that
were to stay as they are, often a pretrained backbone, are trained with all the others.

*What to do*
Say it to the parameters, with the method that ends in an underscore:

    model.backbone.requires_grad_(False)

*When it is wrong*
A module that keeps an attribute of that name for itself, and whose parameters are frozen or held by
no optimizer, is left alone: only parameters that really moved are named.
"""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.vitals import ModelFacts, ParameterFacts, Record, Site, Update

SEVERITY = Severity.WRONG

MOVED = 2  # detailed updates that changed a parameter below the flag


def check(record: Record) -> Iterator[Finding]:
    """A module carries the attribute, and parameters below it change with the updates."""
    for model in record.models:
        facts = [record.parameters[number] for number in model.parameters]
        moved = [one for one in facts if one.requires_grad and one.moved >= MOVED]
        paths = [
            path for path in model.ignored_flags if any(_below(one.name, path) for one in moved)
        ]
        if paths:
            moving = [one for one in moved if any(_below(one.name, path) for path in paths)]
            yield _say(record, model, paths, moving)


def _below(name: str, path: str) -> bool:
    return not path or name == path or name.startswith(path + ".")


def _written_at(called_at: Site | None, path: str) -> Site | None:
    """The line that sets the attribute, if the file of the call has just one that fits."""
    if called_at is None:
        return None
    try:
        tree = ast.parse("".join(linecache.getlines(called_at.file)))
    except SyntaxError:
        return None
    over_modules = {
        name.id
        for node in ast.walk(tree)
        if isinstance(node, ast.For) and re.search(r"(children|modules)\(", ast.unparse(node.iter))
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    found = {node.lineno: of for node in assigned if (of := _flagged(node))}
    named = [line for line, of in found.items() if of.split(".")[-1] == path.split(".")[-1]]
    alone = [line for line, of in found.items() if len(found) == 1 and of in over_modules]
    fitting = named or alone
    return Site(called_at.file, fitting[0]) if len(fitting) == 1 else None


def _flagged(node: ast.Assign) -> str:
    """What is flagged in ``self.backbone.requires_grad = False``: ``self.backbone``."""
    for target in node.targets if ast.unparse(node.value) == "False" else ():
        if isinstance(target, ast.Attribute) and target.attr == "requires_grad":
            return ast.unparse(target.value)
    return ""


def _say(
    record: Record, model: ModelFacts, paths: list[str], moving: list[ParameterFacts]
) -> Finding:
    numbers = {one.number for one in moving}
    vitals, update = next(
        (v, e)
        for v, e in record.events(Update)
        if any(one.parameter in numbers for one in e.norms or ())
    )
    called = receiver(model.site, "__call__", "model")
    whole = f"{called}.{paths[0]}" if paths[0] else called
    more = f" (and {len(paths) - 1} more)" if len(paths) > 1 else ""
    names = record.names(one.number for one in moving)
    return Finding(
        message=f"{whole}{more} has requires_grad = False, and its parameters train: {names}",
        cause="the attribute of a module does nothing; autograd asks each parameter",
        fix=f"call the method: `{whole}.requires_grad_(False)`",
        evidence={
            "module": paths[0],
            "modules": len(paths),
            "parameters_that_train": len(moving),
            "updates": max(one.moved for one in moving),
        },
        site=_written_at(model.site, paths[0]) or model.site or update.site,
        iteration=vitals.iteration,
        count=max(one.moved for one in moving),
    )


def sick(practice: Practice) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    model[0].requires_grad = False  # type: ignore[assignment]
    model, loss_fn = practice.model(model), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    model[0].requires_grad_(False)
    model, loss_fn = practice.model(model), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
