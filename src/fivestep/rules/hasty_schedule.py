"""A schedule meant for epochs is stepped with every batch: the rate is gone in the first of them.

*Why is this bad?*
``step_size=30`` counts calls, not epochs. Called with every batch, thirty epochs pass in thirty
batches; soon the rate is a thousandth of what it was, and the rest of the training moves nothing.

*What to do*
Step it once an epoch, outside the loop over batches:

    for inputs, targets in loader:
        ...
    scheduler.step()

or give it its numbers in batches: ``step_size=30 * len(loader)``.

*When it is wrong*
Schedules that are made for batches (one cycle, warm-up, cosine over all of them) keep a rate worth
having for most of the run, and a loop without epochs cannot be hasty. Neither is named. Where there
is no loader, the epochs are read in the source: a loop over them around the loop of the step.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterator
from statistics import median

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.finding import Finding, Severity, receiver
from fivestep.practice import Practice
from fivestep.vitals import (
    LoaderFacts,
    OptimizerFacts,
    Record,
    Schedule,
    SchedulerFacts,
    Site,
    Update,
)

SEVERITY = Severity.WRONG
NEEDS = ("schedule",)
EXPLAINS = ("flat-loss", "tiny-update", "zero-learning-rate", "zigzag-loss")
WITHOUT = {"accumulate": "a schedule takes a plain optimizer"}

BATCHES = 3  # in an epoch: with fewer the two ways of counting hardly differ
EPOCHS = 1.5  # epochs of steps, before anybody may say what the schedule does in one
# Both chosen, not measured. By arithmetic a cosine is below GONE in the last 6 % of the run,
# 1 / (1 + t) from t = 99 on; milestones at a quarter and a half have a share of 0.5.
GONE = 0.0101  # of the highest rate, a tenth of a tenth included
SHARE = 0.55  # of all updates at a rate that is gone
Scopes = ast.FunctionDef | ast.AsyncFunctionDef
TURNS = 2  # halves of a cosine within one epoch: it was to take all epochs for one


def check(record: Record) -> Iterator[Finding]:
    """Stepped within the epoch, and the rate is gone for most of the run, or goes round and round."""
    for facts in record.schedulers:
        if facts.optimizer is None or facts.inner:
            continue
        loader, optimizer = _loader(record), record.optimizers[facts.optimizer]
        gone = _share_gone(optimizer)
        if loader is None:
            ended = any(rate <= 0 for _, rate in optimizer.rates)  # zero-learning-rate says it
            hasty = not record.loaders and not ended and gone > SHARE
            if hasty and _inside_epochs(record, facts):
                yield _say(record, facts, optimizer, None, gone)
        elif _per_batch(facts, loader) and (gone > SHARE or _rounds(facts, loader)):
            yield _say(record, facts, optimizer, loader.length or 1, gone)


def _loader(record: Record) -> LoaderFacts | None:
    """The loader that is trained on: the one with the most batches, if it has an epoch worth it."""
    found = max(record.loaders, key=lambda one: one.batches, default=None)
    return found if found is not None and (found.length or 0) >= BATCHES else None


def _per_batch(facts: SchedulerFacts, loader: LoaderFacts) -> bool:
    return facts.steps >= max(EPOCHS * (loader.length or 1), loader.epochs * BATCHES)


def _inside_epochs(record: Record, facts: SchedulerFacts) -> bool:
    """Every step stands in a loop that stands in a loop over epochs, by the source, with an update."""
    updates = [
        event.site for _, event in record.events(Update) if event.optimizer == facts.optimizer
    ]
    steps = set(facts.sites)
    if not steps or facts.steps < EPOCHS * BATCHES or not updates:
        return False
    loops = [_loops(site) for site in steps]
    with_it = {_loops(site)[-1:] for site in updates if site is not None}
    return all(_over_epochs(one[:-1]) and {one[-1:]} == with_it for one in loops)


def _loops(site: Site) -> tuple[tuple[str, int, str], ...]:
    """The loops around a line in its function, the outermost first: (file, line, head)."""
    try:
        tree = ast.parse("".join(linecache.getlines(site.file)))
    except SyntaxError:
        return ()
    around: list[tuple[str, int, str]] = []
    for node in ast.walk(tree):  # from the outside in
        if isinstance(node, Scopes) and _spans(node, site.line):
            around.clear()
        elif isinstance(node, ast.For) and _spans(node, site.line):
            around.append(
                (site.file, node.lineno, f"{ast.unparse(node.target)} in {ast.unparse(node.iter)}")
            )
    return tuple(around)


def _spans(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.For, line: int) -> bool:
    return node.lineno < line <= (node.end_lineno or 0)


def _over_epochs(loops: tuple[tuple[str, int, str], ...]) -> bool:
    return any("epoch" in head.lower() for _, _, head in loops)


def _share_gone(optimizer: OptimizerFacts) -> float:
    """Share of the updates, after the highest rate, at a small part of it."""
    if not optimizer.rates or not optimizer.updates:
        return 0.0
    ends = [at for at, _ in optimizer.rates[1:]] + [optimizer.updates + 1]
    highest = max(rate for _, rate in optimizer.rates)
    since = next(at for at, rate in optimizer.rates if rate == highest)
    spans = [
        (end - at, rate)
        for (at, rate), end in zip(optimizer.rates, ends, strict=True)
        if at >= since
    ]
    return sum(length for length, rate in spans if rate < GONE * highest) / optimizer.updates


def _rounds(facts: SchedulerFacts, loader: LoaderFacts) -> bool:
    """A cosine over as many steps as there are epochs: it comes back up within each."""
    if facts.kind != "CosineAnnealingLR" or not facts.length:
        return False
    length, batches = facts.length, loader.length or 1
    return length <= 2 * loader.epochs and batches >= TURNS * length


def _say(
    record: Record,
    facts: SchedulerFacts,
    optimizer: OptimizerFacts,
    batches: int | None,
    gone: float,
) -> Finding:
    steps = [(v, e) for v, e in record.events(Schedule) if e.scheduler == facts.number]
    vitals, first = steps[min(len(steps) - 1, 1)]
    name = receiver(first.site, "step", "scheduler")
    rates = [rate for _, rate in optimizer.rates]
    length = f", made for {facts.length} steps," if facts.length else ""
    each = f"{batches} in each epoch" if batches else "with every batch"
    factor = str(batches) if batches else "the batches of an epoch"
    return Finding(
        message=f"{facts.kind}{length} is stepped {facts.steps} times, {each}: the rate goes from {rates[0]:g} to {min(rates):.2g}",
        cause=f"{name}.step() stands in the loop over batches, and its numbers count epochs; {gone:.0%} of the updates are left at a hundredth of the rate or less",
        fix=f"move `{name}.step()` out of the loop over batches, or give it its numbers in batches (times {factor})",
        evidence={
            "schedule_steps": facts.steps,
            "first_rate": rates[0],
            "lowest_rate": min(rates),
            "median_rate": median(rates),
            "share_of_updates_gone": gone,
            **({"batches_in_an_epoch": batches} if batches else {}),
        },
        site=first.site,
        iteration=vitals.iteration,
        count=facts.steps,
    )


def _loader_of(practice: Practice) -> DataLoader[tuple[torch.Tensor, ...]]:
    x = torch.randn(8 * practice.batch_size, 4)
    data = practice.cast(x), practice.cast(x[:, :1] + 0.1 * torch.randn(len(x), 1))
    return DataLoader(TensorDataset(*data), batch_size=practice.batch_size, shuffle=True)


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, loader = practice.optimizer(model), _loader_of(practice)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
    for _ in range(max(3, practice.updates // len(loader))):
        for inputs, targets in loader:
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, loader = practice.optimizer(model), _loader_of(practice)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)
    for _ in range(max(3, practice.updates // len(loader))):
        for inputs, targets in loader:
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
