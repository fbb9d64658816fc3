"""The data is shuffled into the same order in each epoch.

*Why is this bad?*
Shuffling pays because every epoch makes other batches out of the data. In one fixed order the same
samples always share a batch, BatchNorm sees the same few mixtures, and the noise that helps SGD to
generalise becomes a pattern that repeats.

*What to do*
A ``DistributedSampler`` makes its order out of its seed and its epoch. Tell it the epoch:

    for epoch in range(epochs):
        sampler.set_epoch(epoch)

Otherwise seed once, before the first epoch, and not inside the loop over epochs.

*When it is wrong*
A fixed order that is wanted needs no sampler that shuffles. Runs that start anew with the same
seed, each with a model of its own, are left alone.

Source: https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.distributed.DistributedSampler
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Backward, Batch, EpochEnd, Forward, LoaderFacts, Record, State

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("second epoch",)
EXPLAINS = ()

EPOCHS = 2  # begun with the same batch where the sampler says that its epoch stands still
SEEDED = 3  # the same where only the batches say it


def check(record: Record) -> Iterator[Finding]:
    """A sampler that shuffles, epochs that all begin with the same batch, and one model."""
    for loader in record.loaders:
        still = (
            loader.distributed
            and len(set(loader.sampler_epochs)) == 1
            and loader.sampler_epochs[0] >= 0
        )
        enough = len(loader.first_digests) >= (EPOCHS if still else SEEDED)
        same = enough and len(set(loader.first_digests)) == 1
        if loader.shuffles and same and _one_model(record, [loader]) and _differ(record, [loader]):
            yield _say(record, loader, still)
    for group in _made_anew(record):
        yield _say_anew(record, group)


def _made_anew(record: Record) -> Iterator[list[LoaderFacts]]:
    """Loaders over one data set, made at one line for an epoch each, that all begin alike."""
    groups: dict[tuple[object, ...], list[LoaderFacts]] = {}
    for loader in record.loaders:
        if loader.shuffles and loader.epochs == 1 and loader.first_digests:
            groups.setdefault((loader.site, loader.dataset_identity), []).append(loader)
    for group in groups.values():
        same = len({one.first_digests[0] for one in group}) == 1
        if len(group) >= SEEDED and same and _one_model(record, group) and _differ(record, group):
            yield group


def _one_model(record: Record, loaders: list[LoaderFacts]) -> bool:
    """One model is trained on them, and nothing sets that model back."""
    models, numbers = set[int](), {one.number for one in loaders}
    for vitals in record.iterations:
        handed = any(one.loader in numbers for one in vitals.of(Batch))
        if handed and any(True for _ in vitals.of(Backward)):
            models |= {one.model for one in vitals.of(Forward) if one.backward is not False}
        if any(one.action == "loaded" for one in vitals.of(State)):
            return False
    return len(models) == 1


def _differ(record: Record, loaders: list[LoaderFacts]) -> bool:
    """Batches of one epoch differ, so that equal first ones mean something."""
    numbers = {one.number for one in loaders}
    digests = {
        one.tensors[0].numbers.digest
        for _, one in record.events(Batch)
        if one.loader in numbers and one.tensors and one.tensors[0].numbers
    }
    return len(digests) > 1


def _say(record: Record, loader: LoaderFacts, still: bool) -> Finding:
    vitals = next(v for v, one in record.events(Batch) if one.loader == loader.number)
    ends = sum(one.loader == loader.number for _, one in record.events(EpochEnd))
    epochs = len(loader.first_digests)
    return Finding(
        message=f"{epochs} epochs in a row began with the same batch, "
        f"under a {loader.sampler} that shuffles",
        cause="set_epoch was never called, so that each epoch takes the order of epoch "
        f"{loader.sampler_epochs[0]}"
        if still
        else "the random numbers start anew in each epoch: a seed is set in the loop over epochs",
        fix="call `sampler.set_epoch(epoch)` at the start of every epoch"
        if still
        else "move `manual_seed` before the loop over epochs",
        evidence={"epochs": epochs, "different_first_batches": 1, "sampler": loader.sampler},
        site=loader.site,
        iteration=vitals.iteration,
        count=max(ends, 1),
        confidence=1.0 if still else 0.95,
    )


def _say_anew(record: Record, group: list[LoaderFacts]) -> Finding:
    first = group[0]
    vitals = next(v for v, one in record.events(Batch) if one.loader == first.number)
    return Finding(
        message=f"{len(group)} epochs in a row began with the same batch, each with a new loader that shuffles",
        cause="the loader is made anew for each epoch, and its random numbers start from the same seed",
        fix="make the loader and its generator once, before the loop over epochs",
        evidence={"epochs": len(group), "different_first_batches": 1, "sampler": first.sampler},
        site=first.site,
        iteration=vitals.iteration,
        count=len(group),
        confidence=0.95,
    )


def _data(practice: Practice) -> TensorDataset:
    pairs = list(practice.regression())[:8]
    return TensorDataset(torch.cat([x for x, _ in pairs]), torch.cat([y for _, y in pairs]))


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, data = practice.optimizer(model), _data(practice)
    sampler = DistributedSampler(data, num_replicas=1, rank=0, shuffle=True)
    loader = DataLoader(data, batch_size=practice.batch_size, sampler=sampler)
    for _ in range(3):
        for inputs, targets in loader:
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer, data = practice.optimizer(model), _data(practice)
    sampler = DistributedSampler(data, num_replicas=1, rank=0, shuffle=True)
    loader = DataLoader(data, batch_size=practice.batch_size, sampler=sampler)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        for inputs, targets in loader:
            loss = loss_fn(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
