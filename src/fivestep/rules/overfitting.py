"""The training loss goes on falling while the validation loss rises.

*Why is this bad?*
From the best epoch on the model learns its training data by heart: every further epoch makes it
worse on data that it has not seen.

*What to do*
Stop early, or keep the weights of the best epoch (a copy of them):

    if validation_loss < best:
        best, state = validation_loss, copy.deepcopy(model.state_dict())

Then take more data or augment it, add weight decay or dropout, or a smaller model.

*When it is wrong*
A program that keeps the state of its best epoch and returns to it does all that is needed, and is
not named. A validation loss that only swings has no best epoch behind it. Where several losses are
trained on side by side, nothing says which of them a validation loss belongs to, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean, median
from typing import NamedTuple

import torch
from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Record, Series, State

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("evaluation",)

PASSES = 6  # evaluations; fewer are no trend
AFTER = 3  # of them after the best: two may be a swing
RISE = 1.15  # last third to best: chosen, not measured
HIGHER = 1.05  # each of the last third: a swing comes back
ASIDE = 10  # a loss with fewer than a tenth of the longest's values is no rival of it
FALL = 0.8  # training loss at the end to that around the best evaluation


class Trend(NamedTuple):
    """What the evaluations say, and the training losses of the same time."""

    best_at: int
    best: float
    last_at: int
    last: float
    training_best: float
    training_last: float
    after: int  # evaluations after the best


def check(record: Record) -> Iterator[Finding]:
    """Every late evaluation is above the best, and training went on falling since."""
    training = _training(record)
    if training is None or training.bad:
        return
    for series in record.series:
        if series.kind == "evaluation" and not series.bad:
            trend = _trend(series, training)
            if trend is not None and not _keeps_best(record, trend):
                yield _say(series, trend)


def _training(record: Record) -> Series | None:
    """The training loss; None where several are trained on, so that none is surely the evaluation's."""
    longest = record.training()
    if longest is None:
        return None
    rivals = [
        one for one in record.series if one.kind == "training" and ASIDE * one.count > longest.count
    ]
    return longest if rivals == [longest] else None


def _trend(series: Series, training: Series) -> Trend | None:
    passes = _passes(series)
    if len(passes) < PASSES:
        return None
    best_at, best = min(passes, key=lambda one: one[1])
    later = [one for one in passes if one[0] > best_at]
    third = passes[-max(AFTER, len(passes) // 3) :]
    last = median(value for _, value in third)
    risen = best > 0 and last > RISE * best and min(value for _, value in third) > HIGHER * best
    if len(later) < AFTER or third[0][0] <= best_at or not risen:
        return None
    before = _around(training, best_at, passes)
    now = _around(training, passes[-1][0], passes)
    if before is None or now is None or now > FALL * before:
        return None
    return Trend(best_at, best, passes[-1][0], passes[-1][1], before, now, len(later))


def _passes(series: Series) -> list[tuple[int, float]]:
    """The mean loss of each evaluation, at the training iteration that it follows."""
    by_iteration: dict[int, list[float]] = {}
    for iteration, value in series.points:
        by_iteration.setdefault(iteration, []).append(value)
    return [(iteration, fmean(values)) for iteration, values in by_iteration.items()]


def _around(training: Series, at: int, passes: list[tuple[int, float]]) -> float | None:
    """The training loss since the evaluation before this one."""
    earlier = max((one for one, _ in passes if one < at), default=0)
    values = [value for iteration, value in training.points if earlier < iteration <= at]
    return fmean(values) if values else None


def _keeps_best(record: Record, trend: Trend) -> bool:
    """The last state that was kept, saved or loaded belongs to the best evaluation."""
    states = [(v.iteration, e) for v, e in record.events(State)]
    kept = [at for at, event in states if event.action in ("taken", "saved")]
    # A loss that evaluates is counted with the training iteration that comes next.
    back = any(event.action == "loaded" and at + 1 >= trend.last_at for at, event in states)
    return back or (bool(kept) and trend.best_at <= kept[-1] < trend.last_at)


def _say(series: Series, trend: Trend) -> Finding:
    return Finding(
        message=f"the validation loss rises from {trend.best:.4g} to {trend.last:.4g} while the training loss falls from {trend.training_best:.4g} to {trend.training_last:.4g}",
        cause=f"since iteration {trend.best_at} the model learns its training data by heart: {trend.after} evaluations got no better",
        fix="keep a copy of the weights wherever the validation loss is the lowest so far, and load it at the end, or stop there; to do better, more data, weight decay, dropout",
        evidence={
            "best_validation_loss": trend.best,
            "best_iteration": trend.best_at,
            "last_validation_loss": trend.last,
            "training_loss_at_best": trend.training_best,
            "last_training_loss": trend.training_last,
        },
        site=series.site,
        iteration=trend.best_at,
        count=trend.after,
        confidence=0.8,
    )


def _split(practice: Practice) -> tuple[torch.Tensor, ...]:
    """Many labels are wrong: what can be learned of them is of no use elsewhere."""
    x = 2 * torch.randn(96, 20)
    y = (x[:, 0] + 3 * torch.randn(96) > 0).long()
    return practice.cast(x[:32]), y[:32], practice.cast(x[32:]), y[32:]


def sick(practice: Practice) -> None:
    x, y, validation_x, validation_y = _split(practice)
    model = practice.model(nn.Sequential(nn.Linear(20, 128), nn.Tanh(), nn.Linear(128, 2)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for _ in range(20):
        for _ in range(10 * practice.accumulate):
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            loss_fn(model(validation_x), validation_y)


def healthy(practice: Practice) -> None:
    x, y, validation_x, validation_y = _split(practice)
    model = practice.model(nn.Sequential(nn.Linear(20, 128), nn.Tanh(), nn.Linear(128, 2)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    best, worse = float("inf"), 0
    for _ in range(20):
        for _ in range(10 * practice.accumulate):
            loss = loss_fn(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            validation = loss_fn(model(validation_x), validation_y).item()
        best, worse = min(best, validation), 0 if validation < best else worse + 1
        if worse == 2:
            break
