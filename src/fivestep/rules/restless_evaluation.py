"""Dropout goes on in eval mode: it was called as a function, or made where eval() does not reach it.

*Why is this bad?*
``F.dropout(x)`` drops unless it is told otherwise, and a Dropout made inside ``forward`` or kept in
a plain list never hears of ``model.eval()``. Two evaluations of the same input differ, and every
figure is that of a thinned-out model.

*What to do*
Tell the function the mode, or make the module in ``__init__``:

    x = F.dropout(x, p=0.5, training=self.training)

``F.scaled_dot_product_attention`` has no such argument: give it ``dropout_p`` 0 in eval mode.

*When it is wrong*
Dropout that is on in eval mode on purpose (Monte-Carlo dropout) says so in the call
(``training=True``), in the mode of a registered module, or by asking the same question again and
again, and is not named.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings, source
from fivestep.practice import Practice
from fivestep.rules.train_mode_evaluation import sampled
from fivestep.vitals import Drop, Forward, Record, Site, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("evaluation",)
EXPLAINS = ("flat-loss",)
SAID = ("training", "True")  # in the line: it drops because it was told to
LINES = 8  # of a call
ATTENTION = "scaled_dot_product_attention"
WITHOUT = {"compile": "a compiled forward hides the calls inside it"}


def check(record: Record) -> Iterator[Finding]:
    """Dropout drops in a model that is in eval mode, and nobody asked for it."""
    by_kind: dict[str, list[Sighting[Drop]]] = {}
    for seen in sightings(_restless(record)):
        by_kind.setdefault(seen.first.module, []).append(seen)
    for lines in by_kind.values():  # the same mistake in each layer of a model is one
        yield _with_lines(_say(lines[0]), lines)


def _restless(record: Record) -> Iterator[tuple[Vitals, Drop]]:
    on_purpose = sampled(record)
    for vitals in record.iterations:
        model = -1
        for event in vitals.events:
            if isinstance(event, Forward):
                model = event.model
            elif isinstance(event, Drop) and model not in on_purpose and _deaf(event):
                yield vitals, event


def _deaf(drop: Drop) -> bool:
    """Eval mode could not reach it, and its line does not say that it shall drop."""
    if drop.module == ATTENTION:
        return True  # it has no argument for the mode: True is said of something else
    return (not drop.module or not drop.registered) and not any(
        word in _call(drop.site) for word in SAID
    )


def _call(site: Site | None) -> str:
    """The whole call, which may go over several lines."""
    text, lines = "", 0
    while site is not None and lines < LINES and (not text or text.count("(") > text.count(")")):
        text += source(Site(site.file, site.line + lines)) + " "
        lines += 1
    return text


def _with_lines(finding: Finding, lines: list[Sighting[Drop]]) -> Finding:
    """Name the other lines, too."""
    numbers = sorted({seen.first.site.line for seen in lines if seen.first.site is not None})
    if len(numbers) > 1:
        finding.message += f" (lines {', '.join(map(str, numbers))})"
        finding.evidence["lines"] = ", ".join(map(str, numbers))
    return finding


def _say(seen: Sighting[Drop]) -> Finding:
    first = seen.first
    if first.module == ATTENTION:
        return _say_attention(seen)
    function = not first.module
    called = "F.dropout" if function else f"a {first.module}"
    return seen.finding(
        message=f"{called} drops {first.rate:.0%} of the values though the model is in eval mode",
        cause="F.dropout has training=True unless it is told otherwise"
        if function
        else "the module is made in forward or kept in a plain list, where eval() does not reach it",
        fix="tell it the mode: `F.dropout(x, p=..., training=self.training)`"
        if function
        else f"make it in `__init__`: `self.drop = nn.{first.module}({first.rate:g})`",
        evidence={
            "rate": first.rate,
            "module": first.module or "F.dropout",
            "evaluations": seen.count,
        },
    )


def _say_attention(seen: Sighting[Drop]) -> Finding:
    return seen.finding(
        message=f"{ATTENTION} drops {seen.first.rate:.0%} of the weights though the model is in eval mode",
        cause="the function does not know the mode: it drops whenever dropout_p is not 0",
        fix="`dropout_p=self.dropout if self.training else 0.0`",
        evidence={"rate": seen.first.rate, "module": ATTENTION, "evaluations": seen.count},
    )


def sick(practice: Practice) -> None:
    class Restless(nn.Sequential):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            return self[1](F.dropout(self[0](input).relu(), 0.3))

    model = practice.model(Restless(nn.Linear(8, 16), nn.Linear(16, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    unseen = practice.cast(torch.randn(32, 8))
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        model(unseen).argmax(dim=1)


def healthy(practice: Practice) -> None:
    class Calm(nn.Sequential):
        def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
            return self[1](F.dropout(self[0](input).relu(), 0.3, self.training))

    model = practice.model(Calm(nn.Linear(8, 16), nn.Linear(16, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    unseen = practice.cast(torch.randn(32, 8))
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        model(unseen).argmax(dim=1)
