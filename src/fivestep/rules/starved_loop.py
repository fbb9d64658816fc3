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
alone: a wait must be long for itself, or a sample cost the processor much more than one that lies
in memory; and the start of workers is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import fmean, median

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
# The same by the time that the processor gave to the thread: it stays within a tenth where the wait is
# five times as long because other programs run.
SAMPLE = 1.5e-4  # seconds. From memory: up to 4e-5; pixels to a tensor: 5e-5; made by Python: 2.3e-4 to 1e-3
BUSY = 0.2  # seconds in all. Small programs that make each sample anew: 0.3 to 1
IN_TURN = (
    0.3  # share beside the loop on the clock: one that sleeps or waits for a GPU uses no processor
)

Round = tuple[Vitals, Batch, float]  # an iteration, its batch, its length


def check(record: Record) -> Iterator[Finding]:
    """Between two batches, most of the time goes by before the batch is there."""
    for loader in record.loaders:
        rounds = list(_rounds(record, loader))
        if len(rounds) < ITERATIONS:
            continue
        share, waits = _share(loader, rounds), [batch.seconds for _, batch, _ in rounds]
        if share > SHARE and _long(loader, waits):
            yield _say(loader, rounds[0][0], share, fmean(waits))
        elif _makes_samples(loader, [busy for _, batch, _ in rounds if (busy := batch.busy)]):
            busy = loader.paced_waited_busy
            share = busy / (busy + loader.paced_worked_busy)
            yield _say(loader, rounds[0][0], share, busy / loader.paced)


def _long(loader: LoaderFacts, waits: list[float]) -> bool:
    """Most waits are long: where other programs run, a few of those from memory are."""
    return loader.waited > TOTAL and fmean(waits) > SECONDS and median(waits) > SECONDS


def _share(loader: LoaderFacts, rounds: list[Round]) -> float:
    """Of the time of the loop, without what measuring took where that is known."""
    if loader.paced:
        return loader.paced_waited / (loader.paced_waited + loader.paced_worked)
    return sum(batch.seconds for _, batch, _ in rounds) / sum(seconds for _, _, seconds in rounds)


def _makes_samples(loader: LoaderFacts, each: list[float]) -> bool:
    """The thread that trains makes the samples itself, and does little else.

    Most batches cost it much: Python's garbage collection makes a few of those from memory dear.
    """
    busy, worked = loader.paced_waited_busy, loader.paced_worked_busy
    if loader.workers or not loader.batch_size or loader.paced < ITERATIONS or busy < BUSY:
        return False
    in_turn = busy > IN_TURN * (busy + loader.paced_worked)
    dear = min(busy / loader.paced, median(each or [0.0])) > SAMPLE * loader.batch_size
    return dear and in_turn and busy > SHARE * (busy + worked)


def _rounds(record: Record, loader: LoaderFacts) -> Iterator[Round]:
    """Training iterations, their wait and their length; not the first, which starts workers."""
    for vitals in record.iterations:
        batch = next((one for one in vitals.of(Batch) if one.loader == loader.number), None)
        trains = any(True for _ in vitals.of(Backward))
        if batch is not None and batch.position > 1 and trains and vitals.seconds is not None:
            yield vitals, batch, max(vitals.seconds, batch.seconds)


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
