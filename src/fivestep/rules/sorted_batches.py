"""Every batch holds one class: the data is sorted and not shuffled.

*Why is this bad?*
A batch of one class teaches "it is always this class", the next batches teach another. The weights
follow the last class seen and forget the others; the loss looks fine inside each block and leaps at
its border, and BatchNorm never sees the data as a whole.

*What to do*
Shuffle the training data:

    loader = DataLoader(dataset, batch_size=32, shuffle=True)

or, without a loader, take the batches along ``torch.randperm(len(inputs))``.

*When it is wrong*
Learning one class after the other on purpose (continual learning) looks the same: say so with
``# fivestep: ignore[sorted-batches]``. Batches drawn by a sampler of one's own, several losses for
one update, two classes that alternate (a GAN's real and fake) and a single class are left alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Batch, LoaderFacts, Loss, Record, Site, TensorFacts, Update, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = (
    "zigzag-loss", "collapsed-output", "overfitting", "flat-loss", "diverging-loss", "dead-units",
    "gradientless-parameter", "huge-update",
)  # fmt: skip

BATCHES = 4  # windows of one update; fewer say nothing
SAMPLES = 3  # of a batch at least: two are too often alike
EXPLAINED = 0.85  # share of the labels' entropy that the batch explains. Shuffled: 0.03 to 0.62
LOADED = 0.6  # the same where a loader is known to go through the data in order
CHANCE = -18.0  # log of the probability of such batches, had they been shuffled (1e-8)

CLASSIFYING = (
    "cross_entropy", "nll_loss", "multi_margin_loss",
    "binary_cross_entropy", "binary_cross_entropy_with_logits",
)  # fmt: skip
IN_ORDER = ("SequentialSampler", "_InfiniteConstantSampler", "NoneType")


@dataclass(slots=True)
class _Window:
    """The labels behind one update."""

    counts: Counter[str]
    loader: int | None
    losses: int
    vitals: Vitals
    loss: Loss


def check(record: Record) -> Iterator[Finding]:
    """The batch says which class it is, far more often than chance allows."""
    by_site: dict[Site | None, list[_Window]] = {}
    for window in _windows(record):
        by_site.setdefault(window.loss.site, []).append(window)
    for windows in by_site.values():
        if _sorted(windows, record):
            yield _say(windows, record)


def _windows(record: Record) -> Iterator[_Window]:
    """One for each loss that leads to an update; batches accumulated into one update are one."""
    open_: dict[Site | None, _Window] = {}
    for vitals in record.iterations:
        for event in vitals.events:
            if isinstance(event, Loss) and event.backward is not False:
                _add(open_, vitals, event)
            elif isinstance(event, Update):
                yield from open_.values()
                open_ = {}


def _add(open_: dict[Site | None, _Window], vitals: Vitals, loss: Loss) -> None:
    counts = _labels(loss)
    if counts is None:
        return
    window = open_.get(loss.site)
    if window is None:
        window = open_[loss.site] = _Window(Counter(), loss.loader, 0, vitals, loss)
    window.counts += Counter(counts)
    window.losses += 1


def _labels(loss: Loss) -> dict[str, int] | None:
    """How many samples of each class a loss was given; None if its targets are no classes."""
    target, prediction = loss.target, loss.prediction
    if loss.function not in CLASSIFYING or target is None or prediction is None:
        return None
    numbers = target.numbers
    if numbers is None or numbers.counts is None or not _one_each(target):
        return None
    binary = loss.function.startswith("binary")
    if binary and not set(numbers.counts) <= {"0", "1"}:
        return None
    return numbers.counts


def _one_each(target: TensorFacts) -> bool:
    """One label for each sample: (N,) or (N, 1)."""
    return math.prod(target.shape) == target.shape[0] >= SAMPLES if target.shape else False


def _sorted(windows: list[_Window], record: Record) -> bool:
    if len(windows) < BATCHES or not _plain_order(windows, record):
        return False
    tables = [window.counts for window in windows]
    total: Counter[str] = Counter()
    for one in tables:
        total += one
    if len(total) < 2 or _log_chance(tables, total) > CHANCE:
        return False
    in_order = windows[0].loader is not None
    if not in_order and _alternates(tables):
        return False
    return _explained(tables, total) > (LOADED if in_order else EXPLAINED)


def _plain_order(windows: list[_Window], record: Record) -> bool:
    """One loss for each batch, and no sampler of the user's own chose it."""
    loaders = {window.loader for window in windows}
    if len(loaders) > 1:
        return False
    (number,) = loaders
    if number is None:
        return sum(one.updates > 0 for one in record.optimizers) < 2  # real and fake, in turns
    each_its_own = all(any(b.loader == number for b in one.vitals.of(Batch)) for one in windows)
    loader = record.loaders[number]
    unshuffled = loader.sampler in IN_ORDER or (_of_fit(loader) and not loader.shuffles)
    return each_its_own and unshuffled


def _of_fit(loader: LoaderFacts) -> bool:
    return loader.sampler == "Order"


def _alternates(tables: list[Counter[str]]) -> bool:
    """Two classes take turns, batch by batch, as real and fake do."""
    most = [one.most_common(1)[0][0] for one in tables]
    changes = sum(a != b for a, b in pairwise(most))
    return len(set(most)) == 2 and changes > 0.9 * (len(most) - 1)


def _entropy(counts: Counter[str]) -> float:
    total = sum(counts.values())
    return -sum(n / total * math.log(n / total) for n in counts.values() if n)


def _explained(tables: list[Counter[str]], total: Counter[str]) -> float:
    """1 if every batch is of one class, near 0 if every batch is like the whole."""
    samples = sum(total.values())
    inside = sum(sum(one.values()) / samples * _entropy(one) for one in tables)
    return 1 - inside / _entropy(total)


def _log_chance(tables: list[Counter[str]], total: Counter[str]) -> float:
    """Log of the probability of this table of batches and classes at random (Fisher's exact)."""
    sizes = [sum(one.values()) for one in tables]
    margins = sum(_log_factorial(n) for n in (*sizes, *total.values()))
    cells = sum(_log_factorial(n) for one in tables for n in one.values())
    return margins - cells - _log_factorial(sum(sizes))


def _log_factorial(n: int) -> float:
    return math.lgamma(n + 1)


def _say(windows: list[_Window], record: Record) -> Finding:
    pure = sum(len(one.counts) == 1 for one in windows)
    classes = list(dict.fromkeys(name for one in windows for name in one.counts))
    first = windows[0]
    loader = record.loaders[first.loader] if first.loader is not None else None
    where = next((e.site for _, e in record.events(Batch) if e.loader == first.loader), None)
    explained = _explained(
        [one.counts for one in windows], sum((one.counts for one in windows), Counter())
    )
    return Finding(
        message=f"{pure} of {len(windows)} batches hold one class each, one class after the other: "
        + ", ".join(classes[:4])
        + (", ..." if len(classes) > 4 else ""),
        cause="the data is sorted by class and is not shuffled"
        + (
            f" (the DataLoader goes through {loader.dataset} in order)"
            if loader and not _of_fit(loader)
            else ""
        ),
        fix=_fix(loader),
        evidence={
            "batches_of_one_class": pure,
            "batches": len(windows),
            "classes": len(classes),
            "entropy_explained_by_the_batch": round(explained, 3),
        },
        site=where or first.loss.site,
        iteration=first.vitals.iteration,
        count=pure,
        confidence=0.95,
    )


def _fix(loader: LoaderFacts | None) -> str:
    if loader is None:
        return "take the batches along `torch.randperm(len(inputs))`, drawn anew for every epoch"
    if _of_fit(loader):
        return "leave `shuffle=False` out of `fit`: it shuffles anew for every epoch"
    return "make the DataLoader with `shuffle=True`"


def _in_order(practice: Practice) -> tuple[torch.Tensor, torch.Tensor]:
    """Three classes, as many as the updates need, sorted by class."""
    pairs = list(practice.classification())
    x, y = torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])
    order = torch.argsort(y, stable=True)
    return x[order], y[order]


def sick(practice: Practice) -> None:
    model, (x, y) = practice.model(nn.Linear(8, 3)), _in_order(practice)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for start in range(0, len(x), practice.batch_size):
        batch = slice(start, start + practice.batch_size)
        loss = loss_fn(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, (x, y) = practice.model(nn.Linear(8, 3)), _in_order(practice)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    shuffled = torch.randperm(len(x))
    for start in range(0, len(x), practice.batch_size):
        batch = shuffled[start : start + practice.batch_size]
        loss = loss_fn(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
