"""The loop waits for data most of the time.

*Why is this bad?*
Nothing is learned while the model waits. Reading, decoding and augmenting one sample after the
other in the training's own process leaves the processor or the accelerator idle.

*What to do*
Let workers prepare the next batches while this one is trained on:

    loader = DataLoader(dataset, batch_size=64, num_workers=4, persistent_workers=True)

or do the slow part once (decode and resize before the training, keep small data in memory).

*When it is wrong*
Only the waiting itself is measured. A model so small that any loader is slower than it is left
alone: a wait must be long for itself, and the start of workers is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from fivestep.finding import Finding, Severity
from fivestep.practice import Pair, Practice
from fivestep.vitals import Backward, Batch, LoaderFacts, Record, Vitals

SEVERITY = Severity.COSTLY
NEEDS = ("loader",)
EXPLAINS = ()

SHARE = 0.7  # of an iteration. 64 rows from memory: 0.05; 256 images one by one, linear model: 0.60
SECONDS = 0.025  # a wait. The same: 0.0004 and 0.010
ITERATIONS = 10  # fewer are no rhythm
TOTAL = 0.3  # seconds waited in all: less is not worth a word


def check(record: Record) -> Iterator[Finding]:
    """Between two batches, most of the time goes by before the batch is there."""
    for loader in record.loaders:
        rounds = list(_rounds(record, loader))
        waited = sum(wait for _, wait, _ in rounds)
        spent = sum(seconds for _, _, seconds in rounds)
        enough = len(rounds) >= ITERATIONS and loader.waited > TOTAL
        if enough and waited > SHARE * spent and waited > SECONDS * len(rounds):
            yield _say(loader, rounds[0][0], waited / spent, waited / len(rounds))


def _rounds(record: Record, loader: LoaderFacts) -> Iterator[tuple[Vitals, float, float]]:
    """Training iterations, their wait and their length; not the first, which starts workers."""
    for vitals in record.iterations:
        batch = next((one for one in vitals.of(Batch) if one.loader == loader.number), None)
        trains = any(True for _ in vitals.of(Backward))
        if batch is not None and batch.position > 1 and trains and vitals.seconds is not None:
            yield vitals, batch.seconds, max(vitals.seconds, batch.seconds)


def _say(loader: LoaderFacts, first: Vitals, share: float, wait: float) -> Finding:
    return Finding(
        message=f"{share:.0%} of an iteration goes by waiting for its batch ({1000 * wait:.0f} ms)",
        cause=f"{loader.dataset} makes one sample after the other in the training's own process"
        if not loader.workers
        else f"{loader.workers} workers make the samples more slowly than the model takes them",
        fix="give the DataLoader workers: `num_workers=4, persistent_workers=True`"
        if not loader.workers
        else f"raise num_workers above {loader.workers}, "
        "or do the slow part of __getitem__ once and keep it",
        evidence={
            "share_of_time": round(share, 3),
            "seconds_per_batch": round(wait, 4),
            "seconds_in_all": round(loader.waited, 2),
            "workers": loader.workers,
        },
        site=loader.site,
        iteration=first.iteration,
        count=loader.batches,
        confidence=0.9,
    )


class _Rows(Dataset[Pair]):
    """Samples that take their time."""

    def __init__(self, practice: Practice, milliseconds: float) -> None:
        pairs = list(practice.regression())[:24]
        self.x, self.y = torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])
        self.seconds = milliseconds / 1000

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Pair:
        if self.seconds:
            time.sleep(self.seconds)  # reads a file, decodes an image
        return self.x[index], self.y[index]


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    loader = DataLoader(_Rows(practice, 60 / practice.batch_size), practice.batch_size)
    for inputs, targets in loader:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    loader = DataLoader(_Rows(practice, 0), practice.batch_size)
    for inputs, targets in loader:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
