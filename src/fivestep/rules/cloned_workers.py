"""The workers of a DataLoader draw the same random numbers.

*Why is this bad?*
Every worker gets a copy of the data set, and with it a copy of its random generator in the same
state. Worker 2 draws what worker 1 draws: augmentation and noise come in identical copies, and with
workers that are started anew, in the same copies in every epoch.

*What to do*
Make the generator inside the worker, from a seed of its own:

    def seed_worker(worker_id):
        torch.utils.data.get_worker_info().dataset.rng = np.random.default_rng(torch.initial_seed())

    loader = DataLoader(dataset, num_workers=2, worker_init_fn=seed_worker)

or draw from torch, which is seeded for each worker. An ``IterableDataset`` runs as a whole in every
worker: let it look at ``get_worker_info().id`` for its seed, or for its share of the data.

*When it is wrong*
A data set that seeds its generator for each sample, or in a ``worker_init_fn`` that looks at the
worker, is left alone. So are global NumPy and Python numbers, which PyTorch seeds for each worker.

Source: https://docs.pytorch.org/docs/stable/data.html#randomness-in-multi-process-data-loading
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from fivestep.finding import Fact, Finding, Severity
from fivestep.practice import Pair, Practice
from fivestep.vitals import Backward, Batch, LoaderFacts, Record, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("workers",)
EXPLAINS = ("overfitting",)

WORKERS = 2  # a single one has nobody to be alike
ROUNDS = 3  # in which every worker hands out the same batch, each round another one
STREAM = "_InfiniteConstantSampler"  # what a loader over an IterableDataset has


def check(record: Record) -> Iterator[Finding]:
    """Two workers or more, one state of a generator, and nothing that tells the workers apart."""
    for loader in record.loaders:
        own = bool(loader.generators) and not loader.worker_init
        several = loader.workers >= WORKERS and loader.batches >= WORKERS
        if several and (own or loader.seeded_alike):
            trained = _trained(record, loader)
            if trained is not None:
                yield _say(loader, trained)
        elif several and loader.sampler == STREAM and (rounds := _same_rounds(record, loader)):
            trained = _trained(record, loader)
            if trained is not None:
                yield _say_stream(loader, trained, rounds)


def _trained(record: Record, loader: LoaderFacts) -> Vitals | None:
    """The first iteration that was trained on its batches."""
    for vitals in record.iterations:
        handed = any(one.loader == loader.number for one in vitals.of(Batch))
        if handed and any(True for _ in vitals.of(Backward)):
            return vitals
    return None


def _same_rounds(record: Record, loader: LoaderFacts) -> int:
    """Rounds in which all workers handed out the same batch; 0 if in one they did not.

    The batches of a stream come from one worker after the other, in turn.
    """
    rounds: dict[tuple[int, int], list[int]] = {}
    for _, batch in record.events(Batch):
        first = batch.tensors[0].numbers if batch.tensors else None
        if batch.loader == loader.number and first is not None:
            key = (batch.epoch, (batch.position - 1) // loader.workers)
            rounds.setdefault(key, []).append(first.digest)
    full = [one for one in rounds.values() if len(one) == loader.workers]
    same = all(len(set(one)) == 1 for one in full)
    # equal from the first to the last: a stream of one value, or one that repeats itself
    return len(full) if same and len({one[0] for one in full}) >= ROUNDS else 0


def _say_stream(loader: LoaderFacts, first: Vitals, rounds: int) -> Finding:
    return Finding(
        message=f"{loader.workers} workers hand out the same batches of {loader.dataset}, one after the other",
        cause="each worker has a copy of the stream and runs through all of it, with the same seed",
        fix="look at the worker in `__iter__`: `info = torch.utils.data.get_worker_info()`, then seed "
        "with `seed + info.id`, or take every `info.num_workers`-th sample from `info.id` on",
        evidence={
            "workers": loader.workers, "equal_rounds": rounds, "drawn_from": loader.dataset,
            "worker_init_fn": loader.worker_init,
        },
        site=loader.site,
        iteration=first.iteration,
        count=loader.batches,
    )  # fmt: skip


def _say(loader: LoaderFacts, first: Vitals) -> Finding:
    what = (
        f"{loader.dataset}.{loader.generators[0]}"
        if loader.generators
        else "the seed that worker_init_fn sets"
    )
    evidence: dict[str, Fact] = {
        "workers": loader.workers,
        "drawn_from": what,
        "worker_init_fn": loader.worker_init,
    }
    return Finding(
        message=f"{loader.workers} workers draw the same random numbers: "
        + (
            f"each has a copy of {what}" if loader.generators else "worker_init_fn seeds them alike"
        ),
        cause="the generator is made before the workers, which all start from a copy of its state"
        if loader.generators
        else "worker_init_fn sets one fixed seed and does not look at the worker",
        fix=f"give each worker a generator of its own: `worker_init_fn=lambda _: setattr("
        f"torch.utils.data.get_worker_info().dataset, '{loader.generators[0]}', "
        "np.random.default_rng(torch.initial_seed()))`"
        if loader.generators
        else "seed with `torch.initial_seed() % 2**32`, which differs for each worker, "
        "or leave worker_init_fn out",
        evidence=evidence,
        site=loader.site,
        iteration=first.iteration,
        count=loader.batches,
    )


class _Noisy(Dataset[Pair]):
    """Rows with noise drawn anew for each sample."""

    def __init__(self, practice: Practice, *, shared: bool) -> None:
        pairs = list(practice.regression())[:8]
        self.x, self.y = torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs])
        self.rng = np.random.default_rng(0) if shared else None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Pair:
        if self.rng is None:
            return self.x[index] + 0.1 * torch.randn(4).to(self.x.dtype), self.y[index]
        noise = torch.from_numpy(self.rng.normal(size=4)).to(self.x.dtype)
        return self.x[index] + 0.1 * noise, self.y[index]


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    loader = DataLoader(_Noisy(practice, shared=True), practice.batch_size, num_workers=2)
    for inputs, targets in loader:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    loader = DataLoader(_Noisy(practice, shared=False), practice.batch_size, num_workers=2)
    for inputs, targets in loader:
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
