"""The loop ignores the batch that it was given: the model sees the same data every time.

*Why is this bad?*
The loader goes through the data and the model learns one batch by heart. The loss falls as it does
in a sound run, and nothing but the training on a thousandth of the data is ever used. It happens
when the loop variable has one name and the forward takes another, left over from a first look at
the data, or when ``next(iter(loader))`` stands inside the loop: it starts anew every time.

*What to do*
Give the model what the loop hands out:

    for inputs, targets in loader:
        prediction = model(inputs)

*When it is wrong*
Overfitting one batch on purpose is a good first test; it takes its batch before the loop and is not
named. Neither are constant inputs of another kind than the batches (a noise vector, a style image),
nor a loop in which any forward or loss takes the batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep.finding import Finding, Severity, argument, source
from fivestep.practice import Practice
from fivestep.vitals import Batch, Forward, LoaderFacts, Loss, Record, TensorFacts, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("loader",)
EXPLAINS = ("overfitting", "collapsed-output", "flat-loss", "leaked-validation")

TIMES = 5  # the same data in a row, while the loader hands out others: fewer may be a first look


def check(record: Record) -> Iterator[Finding]:
    """The loader's batches differ, and what the model is trained on does not."""
    for loader in record.loaders:
        yield from _ignored(record, loader)
        yield from _restarted(record, loader)


# -- another name ---------------------------------------------------------------------------------


def _ignored(record: Record, loader: LoaderFacts) -> Iterator[Finding]:
    """Every batch is new, every forward is given the same."""
    rounds = [one for one in record.iterations if _handed(one, loader) and one.trains]
    rounds = [one for one in rounds if _measured(one)]
    if len(rounds) < TIMES or len({_digest(_handed(one, loader)) for one in rounds}) < 2:
        return
    given = [one for vitals in rounds for one in _given(vitals)]
    batch = _handed(rounds[0], loader)
    if not given or batch is None or len({(one.site, _first(one)) for one in given}) > 1:
        return
    if _alike(given[0].inputs[0], batch) and not _takes(rounds):
        yield _say_ignored(record, rounds, given[0], loader)


def _handed(vitals: Vitals, loader: LoaderFacts) -> TensorFacts | None:
    """The first tensor of the loader's batch, with its numbers."""
    for batch in vitals.of(Batch):
        if batch.loader == loader.number and batch.tensors and batch.tensors[0].numbers:
            return batch.tensors[0]
    return None


def _measured(vitals: Vitals) -> bool:
    forwards = list(vitals.of(Forward))
    return bool(forwards) and all(one.inputs and one.inputs[0].numbers for one in forwards)


def _given(vitals: Vitals) -> Iterator[Forward]:
    return (one for one in vitals.of(Forward) if one.backward is not False)


def _digest(facts: TensorFacts | None) -> int:
    return facts.numbers.digest if facts is not None and facts.numbers else 0


def _first(forward: Forward) -> tuple[int, ...]:
    return tuple(_digest(one) for one in forward.inputs)


def _alike(given: TensorFacts, batch: TensorFacts) -> bool:
    """It could be a batch: the same shape but for the number of samples."""
    return (
        given.dtype == batch.dtype and given.shape[1:] == batch.shape[1:] and len(given.shape) > 1
    )


def _takes(rounds: list[Vitals]) -> bool:
    """Forwards or losses are given different batches of the loader (one alone does not count)."""
    taken = {_digest(handed) for one in rounds for handed in _inputs(one) if _used(one, handed)}
    return len(taken) > 1


def _inputs(vitals: Vitals) -> Iterator[TensorFacts]:
    return (one.tensors[0] for one in vitals.of(Batch) if one.tensors)


def _used(vitals: Vitals, handed: TensorFacts) -> bool:
    used = [one for forward in vitals.of(Forward) for one in forward.inputs]
    for loss in vitals.of(Loss):
        used += [one for one in (loss.prediction, loss.target) if one is not None]
    return any(_digest(one) == _digest(handed) for one in used)  # memory is used again: no identity


def _say_ignored(
    record: Record, rounds: list[Vitals], forward: Forward, loader: LoaderFacts
) -> Finding:
    name, batch = argument(forward.site, "inputs"), next(rounds[-1].of(Batch))
    line = source(batch.site) or "for inputs, targets in loader:"
    different = len({_digest(_handed(one, loader)) for one in rounds})
    return Finding(
        message=f"the loader handed out {different} different batches, "
        f"and the model was trained on the same inputs {len(rounds)} times",
        cause=f"`{name}` is not what the loop hands out: it was made before and never changes",
        fix=f"give the model the batch of the loop (`{line}`) in place of `{name}`",
        evidence={
            "different_batches": different,
            "different_inputs": 1,
            "iterations": len(rounds),
            "shape": str(forward.inputs[0].shape),
        },
        site=forward.site,
        iteration=rounds[0].iteration,
        count=sum(one.repeats for one in rounds),
        confidence=0.95,
    )


# -- next(iter(loader)) ---------------------------------------------------------------------------


def _restarted(record: Record, loader: LoaderFacts) -> Iterator[Finding]:
    """Started again for every batch, in order, so that it is always the first one."""
    once = loader.epochs >= TIMES and loader.batches == loader.epochs
    same = len(loader.first_digests) >= TIMES and len(set(loader.first_digests)) == 1
    if not (once and same) or (loader.length or 2) < 2 or "iter(" not in source(loader.site):
        return
    rounds = [one for one in record.iterations if _handed(one, loader) and one.trains]
    if rounds and any(_used(rounds[0], one) for one in _inputs(rounds[0])):
        yield _say_restarted(rounds[0], loader)


def _say_restarted(first: Vitals, loader: LoaderFacts) -> Finding:
    return Finding(
        message=f"the loader was started {loader.epochs} times and asked for one batch each time: "
        "always the first",
        cause="`next(iter(...))` inside the loop makes a new iterator, "
        "which begins with the first batch again",
        fix="loop over the loader itself: `for inputs, targets in loader:`",
        evidence={
            "starts": loader.epochs,
            "batches": loader.batches,
            "batches_in_an_epoch": loader.length or 0,
        },
        site=loader.site,
        iteration=first.iteration,
        count=loader.batches,
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, loader = practice.optimizer(model), _loader(practice)
    inputs, targets = next(iter(loader))
    for _, _ in loader:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, loader = practice.optimizer(model), _loader(practice)
    for inputs, targets in loader:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _loader(practice: Practice) -> DataLoader[tuple[torch.Tensor, ...]]:
    pairs = list(practice.regression())
    data = TensorDataset(torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs]))
    return DataLoader(data, batch_size=practice.batch_size)
