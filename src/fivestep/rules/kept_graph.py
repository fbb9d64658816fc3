"""The losses of earlier iterations are kept together with their graphs.

*Why is this bad?*
A loss is the end of the graph that made it. ``total += loss`` and ``losses.append(loss)`` keep
every one of these graphs alive, so memory grows with every iteration until the program stops with
"out of memory".

*What to do*
Keep the number, not the tensor:

    total += loss.item()

(or ``loss.detach()``, which on an accelerator does not wait).

*When it is wrong*
Losses added up for one later ``backward`` need their graphs. They have had no backward of their own
yet and are not counted.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from itertools import pairwise

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings, source
from fivestep.practice import Practice
from fivestep.vitals import Backward, Record, Site, Vitals

SEVERITY = Severity.COSTLY

GROWING = 8  # iterations in a row that each leave a graph behind: no loop needs as many old ones
LOSS = (
    r"(\w+)\.backward\(",  # loss.backward()
    r"\((\w+)\)\.backward\(",  # scaler.scale(loss).backward()
    r"backward\(\s*(\w+)\s*[,)]",  # accelerator.backward(loss)
    r"^(\w+)\s*=[^=]",  # loss = ..., where a framework calls backward
)
LINES = 40  # around the backward, in which the line that keeps the loss is looked for


def check(record: Record) -> Iterator[Finding]:
    """More graphs of earlier losses are alive at every backward."""
    for seen in sightings(record.events(Backward)):
        grown = _growing([(v, e) for v, e in seen.events if e.loss is not None and not e.error])
        if grown:
            yield _say(Sighting(grown))


def _growing(events: list[tuple[Vitals, Backward]]) -> list[tuple[Vitals, Backward]]:
    """The longest run in which each backward finds more living graphs than the last."""
    longest: list[tuple[Vitals, Backward]] = []
    run = events[:1]
    for before, after in pairwise(events):
        more = after[1].graphs_alive > before[1].graphs_alive
        run = [*run, after] if more and after[0].iteration > before[0].iteration else [after]
        longest = max(longest, run, key=len)
    return longest if len(longest) > GROWING else []


def _say(seen: Sighting[Backward]) -> Finding:
    site, keeper = _keeper(seen.first.site)
    most = seen.last.graphs_alive
    return seen.finding(
        message=f"{most} graphs of earlier losses are still in memory, one more in every iteration",
        cause="the losses are added up or kept in a list as tensors, each with the graph behind it",
        fix=f"keep the number: `{keeper}`" if keeper else "keep the number: `total += loss.item()`",
        evidence={"graphs_alive": most, "iterations_growing": len(seen.events)},
        site=site,
    )


def _keeper(site: Site | None) -> tuple[Site | None, str]:
    """The line near the backward that keeps the loss, and what it ought to be."""
    if site is None:
        return None, ""
    for name in _called(site):
        kept = re.compile(rf"(\+=\s*|\.append\(\s*|\+\s*){name}\b(?!\s*[.\w])")
        near = sorted(
            range(max(1, site.line - LINES), site.line + LINES), key=lambda n: abs(n - site.line)
        )
        for number in near:
            line = linecache.getline(site.file, number).split("#")[0].strip()
            if kept.search(line) and ".backward" not in line:
                fixed = kept.sub(lambda found: f"{found.group(0)}.item()", line)
                return Site(site.file, number, site.function), fixed
    return site, ""


def _called(site: Site) -> list[str]:
    """What the loss may be called in the line of the backward, or in the one that makes it."""
    found = (re.search(form, source(site)) for form in LOSS)
    return [one.group(1) for one in found if one is not None]


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, total = practice.optimizer(model), 0.0
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, total = practice.optimizer(model), 0.0
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
