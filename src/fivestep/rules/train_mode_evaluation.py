"""A model is evaluated while its Dropout or BatchNorm are in train mode.

*Why is this bad?*
In train mode Dropout throws away a share of the units and BatchNorm uses the statistics of the very
batch: the figure is not that of your model, it changes from one call to the next, and BatchNorm
takes the evaluation data into its running statistics.

*What to do*
Switch before the evaluation and back after it:

    model.eval()
    with torch.no_grad():
        ...
    model.train()

``torch.no_grad()`` alone does not change the mode.

*When it is wrong*
Only forwards whose output is scored (a loss or a metric without a backward), or on data that the
program calls validation or test, count, by a model that this program trains or loads. Rollouts, teachers, samples of a generator and BatchNorm re-estimation
score nothing, Monte-Carlo dropout asks the same question again and again: none of them is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import prod

import torch
from torch import nn

from fivestep.finding import Finding, Severity, Sighting, source
from fivestep.practice import Practice
from fivestep.reading import called
from fivestep.rules.leaked_validation import held_out
from fivestep.vitals import (
    Backward,
    Batch,
    Compare,
    Derivative,
    Event,
    Forward,
    Loss,
    ModuleRun,
    Pick,
    Record,
    Site,
    State,
    TensorFacts,
    Update,
    Vitals,
)

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("evaluation",)
EXPLAINS = ("evaluation-graph",)

AGAIN = (
    4  # events between two forwards on the same input, at most: Monte-Carlo dropout, no training
)
ANSWER = re.compile(r"=|\breturn\b|\bprint\(|\.(append|extend)\(")  # a line that keeps the answer
CLASSIFIED = ("cross_entropy", "nll_loss", "multi_margin_loss")

Seen = tuple[Vitals, Forward]
Place = tuple[Site | None, int | None]


def check(record: Record) -> Iterator[Finding]:
    """A scored forward without a backward, in train mode, through layers for which that matters."""
    asked_again = sampled(record)
    by_model: dict[int, list[Seen]] = {}
    for vitals, forward in _in_order([*evaluations(record), *_held_out(record)]):
        if forward.training and forward.model not in asked_again and _moods(record, forward):
            by_model.setdefault(forward.model, []).append((vitals, forward))
    for seen in by_model.values():
        yield _say(Sighting(seen), record)


def _in_order(seen: list[Seen]) -> list[Seen]:
    """Each forward once."""
    return [one for _, one in sorted({forward.at: (v, forward) for v, forward in seen}.items())]


def _held_out(record: Record) -> Iterator[Seen]:
    """Forwards on data that the program calls validation or test, whatever it does with the answers.

    Metrics by hand or by another library are not heard. A sample of a generator (several optimizers)
    and answers that are thrown away (BatchNorm is being re-estimated) are no evaluation.
    """
    again = _asked_again(record) if len(record.optimizers) == 1 else None
    for vitals, forward, _ in without_backward(record):
        if again is None or forward.model in again or not ANSWER.search(source(forward.site)):
            continue
        loaders = [batch.loader for batch in vitals.of(Batch) if batch.at < forward.at]
        if held_out(record, loaders[-1] if loaders else None, (), forward.site):
            yield vitals, forward


def _asked_again(record: Record) -> set[int]:
    """Models that answer the same question twice with no update in between."""
    models, asked = set[int](), set[tuple[int, int]]()
    for vitals in record.iterations:
        for event in vitals.events:
            if isinstance(event, Update):
                asked.clear()
            first = event.inputs[0].numbers if isinstance(event, Forward) and event.inputs else None
            if isinstance(event, Forward) and first is not None:
                question = (event.model, first.digest)
                models |= {event.model} if question in asked else set[int]()
                asked.add(question)
    return models


def evaluations(record: Record) -> Iterator[Seen]:
    """Forwards of a trained or loaded model whose output is scored, and no backward comes of it."""
    classifies = any(one.function in CLASSIFIED for _, one in record.events(Loss))
    for vitals, forward, after in without_backward(record):
        alone = not any(isinstance(one, Backward) for one in after)
        if _scored(forward, after, alone=alone, classifies=classifies):
            yield vitals, forward


def without_backward(record: Record) -> Iterator[tuple[Vitals, Forward, tuple[Event, ...]]]:
    """Forwards of a trained or loaded model that no backward comes of, and what follows them."""
    ready, trained = _ready(record), _trained_places(record)
    for vitals in record.iterations:
        derives = any(isinstance(one, Derivative) for one in vitals.events)
        for place, event in enumerate(vitals.events):
            if not isinstance(event, Forward) or event.inside is not None or event.failed:
                continue
            if event.at < ready.get(event.model, event.at + 1):
                continue
            after = vitals.events[place + 1 :]
            alone = not any(isinstance(one, Backward) for one in after)
            apart = alone and _place(vitals, event) not in trained and event.backward is not True
            if event.grad != "on" and _asked(record, after):
                continue  # the forward of a training, gradients off by mistake: gradless-training
            if event.grad != "on" or (apart and not derives):
                yield vitals, event, after


def _asked(record: Record, after: Iterable[Event]) -> bool:
    """The next backward, with no other forward before it, reaches nothing: it meant this one."""
    for event in after:
        if isinstance(event, Forward):
            return False
        if isinstance(event, Backward):
            if event.reached is None and not event.error:  # not measured in this iteration
                return bool(record.optimizers) and not event.optimizers
            nothing = event.reached == () and not event.strays
            return nothing or "does not require grad" in event.error
    return False


def _ready(record: Record) -> dict[int, int]:
    """When a model was first updated; in a program that trains nothing, when it was loaded."""
    ready: dict[int, int] = {}
    for _, event in record.events(Update):
        for model in record.models:
            if _updates(record, event, model.parameters):
                ready.setdefault(model.number, event.at)
    if not record.count(Backward):
        for _, event in record.events(State):
            if event.action == "loaded":
                ready.setdefault(event.model, event.at)
    return ready


def _updates(record: Record, update: Update, parameters: Iterable[int]) -> bool:
    if update.optimizer is None:
        return any(record.parameters[one].handled for one in parameters)
    return not set(record.optimizers[update.optimizer].parameters).isdisjoint(parameters)


def _place(vitals: Vitals, forward: Forward) -> Place:
    """A line and the loader that feeds it: one function may train and evaluate."""
    loaders = [batch.loader for batch in vitals.of(Batch) if batch.at < forward.at]
    return forward.site, loaders[-1] if loaders else None


def _trained_places(record: Record) -> set[Place]:
    return {
        _place(vitals, forward)
        for vitals in record.iterations
        for forward in vitals.of(Forward)
        if forward.backward or (vitals.trains and forward.backward is None and forward.grad == "on")
    }


def _scored(forward: Forward, after: Iterable[Event], *, alone: bool, classifies: bool) -> bool:
    """A loss or a metric is taken of its output, before the next forward."""
    output = forward.outputs[0] if forward.outputs else None
    if output is None:
        return False
    for event in after:
        if isinstance(event, (Forward, Backward, Update)):
            return False
        if isinstance(event, Loss) and _of_output(event.prediction, output):
            return event.grad == forward.grad and (alone or event.reduction != "none")
        if isinstance(event, Compare) and _row_by_row(event.outcome, output.shape):
            return True
        several = alone and classifies and output.shape[:1] > (1,)
        if not several or not isinstance(event, Pick):
            continue
        if event.shape[0] == output.shape[0] and event.size in output.shape:
            return True
    return False


def _of_output(prediction: TensorFacts | None, output: TensorFacts) -> bool:
    if prediction is None or output.shape == ():  # the model returns its loss
        return True
    one, other = prediction.shape, output.shape
    return one[:1] == other[:1] or prod(one) == prod(other) or one[-1:] == other[-1:]


def _row_by_row(outcome: tuple[int, ...], output: tuple[int, ...]) -> bool:
    return bool(outcome) and (outcome[0] == output[0] or prod(outcome) == prod(output[:-1]))


def sampled(record: Record) -> set[int]:
    """Models that answer the same question several times in a row: Monte-Carlo dropout."""
    models: set[int] = set()
    last: Forward | None = None
    for _, event in record.events(Forward):
        if last is not None and _same_question(last, event):
            models.add(event.model)
        last = event
    return models


def _same_question(one: Forward, other: Forward) -> bool:
    if (one.site, one.model) != (other.site, other.model) or other.at - one.at > AGAIN:
        return False
    asked = [forward.inputs[0].numbers if forward.inputs else None for forward in (one, other)]
    return asked[0] is not None and asked[1] is not None and asked[0].digest == asked[1].digest


def _moods(record: Record, forward: Forward) -> list[str]:
    """Kinds of layers that ran and act in train mode otherwise than in eval mode."""
    model = record.models[forward.model]
    if forward.modules is None:
        return list(model.moody) if model.compiled else []
    runs = [run for run in forward.modules if run.training]
    if any(run.tracks and run.momentum is None for run in runs if "BatchNorm" in run.kind):
        return []  # a cumulative average: BatchNorm is being re-estimated
    kinds = sorted({run.kind for run in runs if _moody(run)})
    return kinds or (["F.dropout"] if forward.dropped else [])


def _moody(run: ModuleRun) -> bool:
    if "BatchNorm" in run.kind:
        return run.tracks
    inside = run.kind in ("RNN", "LSTM", "GRU", "MultiheadAttention")
    return (inside or "Dropout" in run.kind) and bool(run.rate)


def _say(seen: Sighting[Forward], record: Record) -> Finding:
    first, name = seen.first, called(seen.first.site, "model")
    kinds = ", ".join(_moods(record, first))
    return seen.finding(
        message=f"{record.models[first.model].kind} is evaluated in train mode: {kinds} act as in training",
        cause=f"{name}.eval() is not called before this evaluation"
        + (" (no_grad does not change the mode)" if first.grad != "on" else ""),
        fix=f"call `{name}.eval()` before this line and `{name}.train()` before training goes on",
        evidence={"kinds": kinds, "grad_mode": first.grad, "evaluations": seen.count},
        confidence=0.95,
    )


def sick(practice: Practice) -> None:
    model = practice.model(
        nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    )
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    unseen, labels = practice.cast(torch.randn(32, 8)), torch.randint(3, (32,))
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        accuracy = (model(unseen).argmax(dim=1) == labels).float().mean()
    assert 0 <= accuracy <= 1


def healthy(practice: Practice) -> None:
    model = practice.model(
        nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    )
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    unseen, labels = practice.cast(torch.randn(32, 8)), torch.randint(3, (32,))
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        accuracy = (model(unseen).argmax(dim=1) == labels).float().mean()
    assert 0 <= accuracy <= 1
