"""Layers that the model does not know of: kept in a plain list or dict, or made inside forward.

*Why is this bad?*
``nn.Module`` registers what is assigned to an attribute, not what lies in a plain list, dict or
tuple. ``parameters()`` leaves such layers out, so no optimizer updates them and no checkpoint holds
them; ``to()``, ``train()`` and ``eval()`` pass them by. A layer made inside ``forward`` is a new
random one in every call.

*What to do*
Keep layers in a container that registers them, and make them in ``__init__``:

    self.layers = nn.ModuleList(layers)

``nn.ModuleDict`` for a dict, ``nn.Parameter`` for a tensor of weights.

*When it is wrong*
Hidden modules that are in eval mode, frozen, or held by an optimizer all the same are there on
purpose and not named; nor is a normalisation made inside forward, whose weights are 1 and 0, nor a
tensor that asks for gradients as data of a derivative.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Finding, Severity, Sighting
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Derivative,
    Forward,
    ModuleRun,
    Record,
    Site,
    Stray,
    Update,
    Vitals,
)

SEVERITY = Severity.WRONG
EXPLAINS = ("unheld-parameter", "restless-evaluation", "tiny-update", "flat-loss")

BACKWARDS = (
    3  # before anybody may say that a layer stays unregistered: one may be made on first use
)
NORMS = ("LayerNorm", "RMSNorm", "GroupNorm", "InstanceNorm", "BatchNorm")

Seen = tuple[Vitals, Backward]


def check(record: Record) -> Iterator[Finding]:
    """Backwards give gradients to leaves that a model keeps, and that are no model's parameters."""
    kept = [(v, e) for v, e in record.events(Backward) if _hidden(record, e)]
    fresh = [(v, e) for v, e in record.events(Backward) if _made(record, e)]
    if len(kept) >= BACKWARDS and not _on_purpose(record):
        yield _say_kept(kept, record)
    if len(fresh) >= BACKWARDS:
        yield _say_made(fresh, record)


def _hidden(record: Record, backward: Backward) -> list[Stray]:
    found = [one for one in backward.strays if one.kind == "Parameter" and not one.fresh]
    found = [one for one in found if one.attribute or one.module]
    weights = [
        one for one in backward.strays if one.kind == "Tensor" and one.attribute and not one.fresh
    ]
    return found + (weights if weights and not _asks_for_derivatives(record) else [])


def _asks_for_derivatives(record: Record) -> bool:
    """A tensor with requires_grad may be data: of a derivative, an attack, an update by hand."""
    by_hand = any(event.optimizer is None for _, event in record.events(Update))
    asked = (one for _, forward in record.events(Forward) for one in forward.inputs)
    return (
        by_hand
        or record.count(Derivative) > 0
        or any(one.requires_grad and one.leaf for one in asked)
    )


def _on_purpose(record: Record) -> bool:
    """Somebody put hidden modules into eval mode while the model around them trains."""
    return any(
        not run.registered and not run.training
        for _, forward in record.events(Forward)
        if forward.training
        for run in forward.modules or ()
    )


def _made(record: Record, backward: Backward) -> list[ModuleRun]:
    """Layers with weights of their own that this backward's forwards made anew."""
    if not any(stray.fresh and stray.kind == "Parameter" for stray in backward.strays):
        return []
    return [
        run
        for forward in _forwards(record, backward)
        for run in forward.modules or ()
        if run.fresh and run.trainable and not any(norm in run.kind for norm in NORMS)
    ]


def _forwards(record: Record, backward: Backward) -> list[Forward]:
    wanted = set(backward.forwards or ())
    return [forward for _, forward in record.events(Forward) if forward.at in wanted]


def _site(record: Record, backward: Backward) -> Site | None:
    return next((one.site for one in _forwards(record, backward)), backward.site)


def _say_kept(kept: list[Seen], record: Record) -> Finding:
    seen = Sighting(kept)
    hidden = _hidden(record, seen.last)
    names = [
        one.attribute or f"the {' x '.join(map(str, one.shape))} weights of {one.module}"
        for one in hidden
    ]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return seen.finding(
        message=f"{shown} get gradients and are in no parameters()",
        cause="the model keeps them where nn.Module does not look, so no optimizer updates them",
        fix=_registered(hidden[0]),
        evidence={"unregistered": len(hidden), "first": names[0], "backwards": seen.count},
        site=_site(record, seen.first),
    )


def _registered(stray: Stray) -> str:
    """The line that registers them."""
    path = stray.attribute
    held = path.replace("[", ".").split(".")[0]
    if not path:
        return "keep the layers in `nn.ModuleList` or `nn.ModuleDict`"
    if "[" not in path:
        wrapped = f"nn.Parameter(self.{held})" if held == path else ""
        return (
            f"register it: `self.{held} = {wrapped}`"
            if wrapped
            else f"make `{held}` an `nn.Module`"
        )
    kind = "Parameter" if path.endswith("]") else "Module"
    container = "Dict" if "['" in path else "List"
    before, _, inside = path[: path.index("[")].rpartition(".")
    where = f" in {before}" if before else ""
    return f"register them{where}: `self.{inside} = nn.{kind}{container}(self.{inside})`"


def _say_made(fresh: list[Seen], record: Record) -> Finding:
    seen = Sighting(fresh)
    runs = _made(record, seen.first)
    kinds = ", ".join(sorted({run.kind for run in runs}))
    return seen.finding(
        message=f"{kinds} with weights of its own is made anew in every forward",
        cause="a layer made inside forward starts from random weights each time and is never updated",
        fix="make it once in `__init__` (`self.layer = ...`) and call it in `forward`",
        evidence={"made_in_forward": len(runs), "kinds": kinds, "backwards": seen.count},
        site=_site(record, seen.first),
    )


class Listed(nn.Module):
    """Its hidden layers lie in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
        self.layers = [nn.Linear(16, 16)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 8) to (batch, 3)."""
        x = self.first(x).relu()
        for layer in self.layers:
            x = layer(x).relu()
        return self.last(x)


class Registered(Listed):
    """The same, in a list that registers them."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(self.layers)


def sick(practice: Practice) -> None:
    model = Listed()
    model.layers = [layer.to(practice.dtype) for layer in model.layers]
    model = practice.model(model)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(Registered())
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
