"""A model is trained while its Dropout or BatchNorm are in eval mode.

*Why is this bad?*
In eval mode Dropout does nothing and BatchNorm uses its running statistics, which then never
change: the model trains without the regularisation that you built in, on statistics of a start or
of another data set. It happens when ``model.eval()`` for a validation is never taken back.

*What to do*
Begin every epoch of training with

    model.train()

*When it is wrong*
Parts that are frozen on purpose are left alone: a single BatchNorm put in eval mode inside a model
in train mode, layers whose own parameters do not train, a model that is not updated (attacks,
feature extractors). To fine-tune the whole model in eval mode on purpose, say so with
``# fivestep: ignore[eval-mode-training]``.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.reading import called
from fivestep.vitals import Forward, ModuleRun, Record, Update, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("forward",)
EXPLAINS = ("overfitting",)

INSIDE = ("RNN", "LSTM", "GRU", "MultiheadAttention")  # have dropout of their own
UPDATES = 3  # in eval mode: fewer may be a trial before the training


def check(record: Record) -> Iterator[Finding]:
    """Every forward behind an update of the model's weights ran in eval mode."""
    for seen in sightings(_trained_in_eval(record)):
        if seen.count >= UPDATES:
            yield _say(seen, record)


def _trained_in_eval(record: Record) -> Iterator[tuple[Vitals, Forward]]:
    since: dict[int, list[tuple[Vitals, Forward]]] = {}  # model -> forwards since its last update
    for vitals in record.iterations:
        for event in vitals.events:
            if isinstance(event, Forward) and event.grad == "on" and event.backward is not False:
                since.setdefault(event.model, []).append((vitals, event))
            elif isinstance(event, Update) and event.optimizer is not None:
                for model in _models(record, event.optimizer):
                    forwards = since.pop(model, [])
                    if forwards and all(_idle(record, one) for _, one in forwards):
                        yield forwards[0]


def _models(record: Record, optimizer: int) -> set[int]:
    held = set(record.optimizers[optimizer].parameters)
    return {model.number for model in record.models if held & set(model.parameters)}


def _idle(record: Record, forward: Forward) -> bool:
    """The model is in eval mode, and a layer for which that matters ran and trains."""
    if forward.training:
        return False
    if forward.modules is None:
        return bool(record.models[forward.model].moody)
    return any(_matters(run) for run in forward.modules)


def _matters(run: ModuleRun) -> bool:
    if run.training:
        return False
    if run.kind.startswith(("BatchNorm", "SyncBatchNorm")):
        return run.tracks and (run.trainable or not run.parameters)
    return ("Dropout" in run.kind or run.kind in INSIDE) and bool(run.rate)


def _say(seen: Sighting[Forward], record: Record) -> Finding:
    first, name = seen.first, called(seen.first.site, "model")
    runs = [run for run in first.modules or () if _matters(run)]
    kinds = sorted({run.kind for run in runs}) or ["Dropout or BatchNorm"]
    return seen.finding(
        message=f"{record.models[first.model].kind} trains in eval mode: {', '.join(kinds)} do nothing of their own",
        cause=f"{name}.eval() was called and never taken back by {name}.train()",
        fix=f"call `{name}.train()` before the first batch of every epoch",
        evidence={
            "modules_in_eval_mode": len(runs),
            "kinds": ", ".join(kinds),
            "updates": seen.count,
        },
    )


def sick(practice: Practice) -> None:
    model = practice.model(
        nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    )
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    model.eval()
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(
        nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
    )
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    model.train()
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
