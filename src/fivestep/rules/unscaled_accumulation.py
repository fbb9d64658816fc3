"""Several batches are summed into one update, and the loss is not divided by their number.

*Why is this bad?*
``backward`` adds gradients up. A loss that is a mean over its batch gives, summed over a window of
batches, a gradient as many times too long as there are batches in the window: the update is not
that of one large batch, and rate and clipping no longer mean what they meant. (Adam takes the
length out again; clipping and a later change of the window still suffer.)

*What to do*
Divide by the number of batches of the window:

    loss = loss_fn(model(inputs), targets) / window
    loss.backward()

*When it is wrong*
Sums that are meant (several losses, tasks or domains, an episode, single samples,
``reduction="sum"``) are left alone: only one mean over a batch, at one line, again and again for
one update, is named, and only where the loop itself speaks of a window. Gradients that are divided
afterwards are seen.
"""

from __future__ import annotations

import linecache
import math
import re
from collections import Counter
from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, receiver, source
from fivestep.practice import Practice
from fivestep.vitals import Backward, Batch, Forward, Loss, Record, Site, Update, Vitals

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = (  # of an update that is many times too long; what is not finite stands for itself
    "huge-update", "exploding-gradient", "misplaced-clip", "dead-units", "collapsed-output",
    "diverging-loss", "zigzag-loss",
)  # fmt: skip
WITHOUT = {"accumulate": "the losses of this variant are divided already"}

UPDATES = 2  # with the same number of backwards: one alone is no window
SAME = 0.02  # relative: nobody scaled the gradient after the last backward. Rounding: under 1e-3
BEFORE = 25  # lines before the update in which the loop may speak of its window
WORDS = re.compile(r"accum|micro_?(batch|step)|\bmicro\b", re.IGNORECASE)

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """The same mean over a batch, several times, unscaled, for each update."""
    for optimizer in record.optimizers:
        updates = [(v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number]
        window, windows = _window(updates)
        backwards = [(v, e) for v, e in record.events(Backward) if optimizer.number in e.optimizers]
        sites = {event.site for _, event in backwards}
        if not windows or len(sites) != 1 or not _one_batch_each(record, backwards):
            continue
        plain = [_undivided(record, event) for event in _telling(backwards)]
        sure = bool(plain) and all(plain) and not _scaled_after(windows, backwards)
        if sure and _speaks(record, windows[0][1], backwards, all(one == "loss" for one in plain)):
            yield _say(Sighting(windows), window)


def _window(updates: list[Seen]) -> tuple[int, list[Seen]]:
    """The usual number of backwards in an update, and the updates that have it."""
    sizes = Counter[int]()
    for vitals, event in updates:
        whole = event.backwards == event.summed and not event.carried and not event.closure
        sizes[event.backwards if whole else 0] += vitals.repeats
    if not sizes:
        return 0, []
    window, times = sizes.most_common(1)[0]
    if window < 2 or times < UPDATES:
        return 0, []
    return window, [(v, e) for v, e in updates if e.backwards == window and e.summed == window]


def _telling(backwards: list[tuple[Vitals, Backward]]) -> list[Backward]:
    """Those with a graph of their own kind.

    A graph that was looked at only after its backward (the loss had leapt) does not know of the
    forward and the loss that made it: it is left out where one that does is the same otherwise.
    """
    seen = [event for _, event in backwards if event.graph is not None]
    known = {_shape(event) for event in seen if event.forwards}
    return [event for event in seen if event.forwards or _shape(event) not in known]


def _shape(backward: Backward) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The operations of its graph and what each takes; nothing of where they were made."""
    nodes = backward.graph.nodes if backward.graph is not None else ()
    return tuple((node.name, node.inputs) for node in nodes)


def _undivided(record: Record, backward: Backward) -> str:
    """What the loss is: "loss" a mean of torch's own, "mean" one by hand or in a sum, "" else."""
    nodes = backward.graph.nodes if backward.graph is not None else ()
    if not nodes or backward.scaled:
        return ""
    means = {e.at for _, e in record.events(Loss) if e.reduction == "mean" and e.function.islower()}
    if means & set(nodes[0].made):
        return "loss"
    near, seen = [0], 0
    while near and seen < 8:
        here, seen = nodes[near.pop()], seen + 1
        if here.name.startswith("Mean") or means & set(here.made):
            return "mean"
        if here.name == "AddBackward0":
            near += [one for one in here.inputs if one >= 0]
    return ""


def _one_batch_each(record: Record, backwards: list[tuple[Vitals, Backward]]) -> bool:
    """Each backward belongs to one forward of its own, over several samples and with no state."""
    forwards = {e.at: e for _, e in record.events(Forward)}
    seen: set[int] = set()
    for _, event in backwards:
        own = [forwards[at] for at in event.forwards or () if at in forwards]
        first = [one.inputs[0].shape for one in own if one.inputs]
        state = any(facts.requires_grad and not facts.leaf for one in own for facts in one.inputs)
        if state or any(one.at in seen for one in own) or any(not s or s[0] < 2 for s in first):
            return False
        seen |= {one.at for one in own}
    return len({frozenset(e.reached) for _, e in backwards if e.reached is not None}) == 1


def _scaled_after(windows: list[Seen], backwards: list[tuple[Vitals, Backward]]) -> bool:
    """The gradient at the update is not the one that the last backward left."""
    for vitals, update in windows:
        before = [(v, e) for v, e in backwards if e.at < update.at]
        used = [e.gradient_norm for e in vitals.of(Update) if e.gradient_norm is not None]
        if not before or not used or vitals.iteration - before[-1][0].iteration > 1:
            continue
        left = before[-1][1].gradient_norm
        return not left or abs(math.hypot(*used) / left - 1) > SAME
    return True


def _speaks(
    record: Record, update: Update, backwards: list[tuple[Vitals, Backward]], plain: bool
) -> bool:
    """The loop means a window: it steps under an `if`, says so, or takes batches of one loader."""
    loaders = [tuple({e.loader for e in vitals.of(Batch)}) for vitals, _ in backwards]
    fed = len(set(loaders)) == 1 and len(loaders[0]) == 1
    words = _words(update.site)
    return words or fed or (plain and _deeper(update.site, update.last_backward))


def _words(site: Site | None) -> bool:
    if site is None:
        return False
    lines = (
        linecache.getline(site.file, n) for n in range(max(1, site.line - BEFORE), site.line + 1)
    )
    return any(WORDS.search(line.split("#")[0]) for line in lines)


def _deeper(update: Site | None, backward: Site | None) -> bool:
    """`step()` stands under an `if` that `backward()` is not under."""
    if (
        update is None
        or backward is None
        or (update.file, update.function) != (backward.file, backward.function)
    ):
        return False
    return 0 < update.line - backward.line < BEFORE and _indent(update) > _indent(backward)


def _indent(site: Site) -> int:
    line = linecache.getline(site.file, site.line).expandtabs()
    return len(line) - len(line.lstrip())


def _say(seen: Sighting[Update], window: int) -> Finding:
    first = seen.first
    loss = receiver(first.last_backward, "backward", "loss")
    name = receiver(first.site, "step", "optimizer")
    return seen.finding(
        message=f"{window} backwards are summed for each update, none divided by {window}",
        cause=f"each loss is a mean of its batch: `{name}.step()` gets {window} times that of all",
        fix=f"`({loss} / {window}).backward()`"
        if source(first.last_backward)
        else f"divide the loss by {window}",
        evidence={"backwards_per_update": window, "updates": seen.count},
        site=first.last_backward,
        confidence=0.9,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for number, (inputs, targets) in enumerate(practice.regression(), start=1):
        loss = loss_fn(model(inputs), targets)
        loss.backward()
        if number % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for number, (inputs, targets) in enumerate(practice.regression(), start=1):
        loss = loss_fn(model(inputs), targets)
        (loss / 4).backward()
        if number % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()
