"""Parameters that the optimizer holds never get a gradient.

*Why is this bad?*
They stay as they were initialised while everything around them trains. A ``.detach()``, ``.data``
or ``no_grad`` between a layer and the loss cuts it off, or ``forward`` does not use it at all.
PyTorch says nothing: the optimizer skips a parameter without gradient.

*What to do*
Let the prediction depend on the layer through tensor operations, all the way:

    hidden = self.encoder(x)            # not self.encoder(x).detach()
    return self.head(hidden)

or leave what shall not train out: ``parameter.requires_grad_(False)``.

*When it is wrong*
Branches that are used now and then (experts, one head for each task) get several updates of
patience; those in an ``nn.ModuleList`` or ``nn.ModuleDict`` of which others are used are left
alone. So are weights that were loaded, layers in eval mode inside a model in train mode, and
weights that are averaged by hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Forward,
    ModelFacts,
    ModuleRun,
    ParameterFacts,
    Record,
    State,
    Update,
)

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = (
    "orphaned-optimizer",
    "missing-update",
    "tiny-update",
    "flat-loss",
    "dead-units",
    "collapsed-output",
)

CUT = 4  # detailed updates without a gradient, of a layer that ran: what it gave is used or cut
UNUSED = 8  # the same of one that did not run: a branch taken in one of two iterations comes by

Runs = dict[int, list[ModuleRun]]  # parameter -> the modules that own it, as they ran


def check(record: Record) -> Iterator[Finding]:
    """Coverage: held, trainable, in a model that ran with gradients, and never reached."""
    loaded = {e.model for _, e in record.events(State) if e.action == "loaded"}
    if not any(one.graded for one in record.parameters):
        return  # nobody gets a gradient: a fault of another kind
    moved = _changed_by_hand(record)
    for model in record.models:
        runs = _runs(record, model)
        if model.number in loaded or runs is None:
            continue
        bare = [record.parameters[number] for number in model.parameters]
        bare = [one for one in bare if _bare(one) and one.number not in moved]
        bare = [one for one in bare if _certain(one, runs, model, record)]
        if bare:
            yield _say(record, model, bare, runs)


def _bare(facts: ParameterFacts) -> bool:
    trainable = facts.requires_grad and not facts.frozen_after and bool(facts.optimizers)
    return trainable and facts.updates >= CUT and not facts.graded and not facts.reached


def _runs(record: Record, model: ModelFacts) -> Runs | None:
    """Who ran in the forwards with gradients; None if there was none in train mode."""
    forwards = [e for _, e in record.events(Forward) if e.model == model.number and e.grad == "on"]
    if not any(one.training for one in forwards):
        return None
    runs: Runs = {}
    for run in (run for one in forwards for run in one.modules or ()):
        for number in run.parameters:
            runs.setdefault(number, []).append(run)
    return runs


def _changed_by_hand(record: Record) -> set[int]:
    """Parameters that an update left alone and that had changed before the next one."""
    last: dict[int, float] = {}
    changed: set[int] = set()
    for _, update in record.events(Update):
        for norm in update.norms or ():
            still = norm.gradient is None and not norm.update
            if still and last.get(norm.parameter, norm.weight) != norm.weight:
                changed.add(norm.parameter)
            last[norm.parameter] = norm.weight
    return changed


def _certain(facts: ParameterFacts, runs: Runs, model: ModelFacts, record: Record) -> bool:
    ran = runs.get(facts.number)
    if ran is not None:
        return all(run.training for run in ran)
    return facts.updates >= UNUSED and not _branch(facts, model, record)


def _branch(facts: ParameterFacts, model: ModelFacts, record: Record) -> bool:
    """It lies in a list or dict of modules, and others of that list are used."""
    kinds = dict(model.modules)
    parts = facts.name.split(".")
    for end in range(1, len(parts)):
        path = ".".join(parts[:end])
        if kinds.get(path) in ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
            beside = (record.parameters[one] for one in model.parameters)
            return any(one.reached for one in beside if one.name.startswith(path + "."))
    return False


def _say(record: Record, model: ModelFacts, bare: list[ParameterFacts], runs: Runs) -> Finding:
    names = record.names(one.number for one in bare)
    kind, cause, fix = _why(bare[0], model, runs)
    forward = next(
        (v, e) for v, e in record.events(Forward) if e.model == model.number and e.grad == "on"
    )
    backward = next((e.site for _, e in record.events(Backward) if e.site is not None), None)
    return Finding(
        message=f"{names} got no gradient in {bare[0].updates} updates that were looked at",
        cause=cause,
        fix=fix,
        evidence={
            "parameters": len(bare),
            "of": len(model.parameters),
            "updates_looked_at": bare[0].updates,
            "kind": kind,
        },
        site=forward[1].site or backward,
        iteration=forward[0].iteration,
        count=bare[0].updates,
    )


def _why(facts: ParameterFacts, model: ModelFacts, runs: Runs) -> tuple[str, str, str]:
    layer = facts.name.rpartition(".")[0] or model.kind
    ran = runs.get(facts.number)
    if ran is None and not model.compiled:
        return (
            "unused",
            f"forward never used {facts.name}",
            f"use {layer} in forward, or take it out of the model",
        )
    graph = ran is None or any(run.output is not None and run.output.requires_grad for run in ran)
    if graph:
        cause = (
            f"{layer} ran, and no backward came through what it gave: the graph is cut behind it"
        )
        return (
            "cut",
            cause,
            f"take away the `.detach()`, `.data` or new tensor between {layer} and the loss",
        )
    cause = f"{layer} ran where no gradients are recorded"
    return (
        "no_grad",
        cause,
        f"take {layer} out of the `no_grad` block, or freeze it with `requires_grad_(False)`",
    )


class Cut(nn.Module):
    """An encoder and a head, with the graph cut between them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = nn.Linear(8, 16), nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 8) to (batch, 3)."""
        return self.head(self.encoder(x).relu().detach())


class Whole(Cut):
    """The same without the cut."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 8) to (batch, 3)."""
        return self.head(self.encoder(x).relu())


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(Cut()), practice.loss("cross_entropy")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(Whole()), practice.loss("cross_entropy")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
