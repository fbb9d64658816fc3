"""The plain PyTorch loop, as it stands in most scripts: no better, no worse.

Accumulation divides by the window and steps when the count is full; a loss is the mean over the
batches, as in PyTorch's own quickstart; ``model.train()`` begins an epoch, ``model.eval()`` the
validation; the scaler's four lines are those of torch's AMP recipe.
"""

from __future__ import annotations

from typing import Any

import torch

from . import problems as p
from .measure import Seen

NAME, PACKAGE = "by hand", "torch"


def sgd(model: torch.nn.Module, lr: float = 1.0) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr)


def accumulated(model: Any, loss_fn: Any, loader: Any, window: int) -> None:
    optimizer = sgd(model)
    model.train()
    for i, (x, y) in enumerate(loader):
        loss = loss_fn(model(x), y) / window
        loss.backward()
        if (i + 1) % window == 0:
            optimizer.step()
            optimizer.zero_grad()


def trained(
    model: Any, loader: Any, validation: Any = None, epochs: int = 1, lr: float = 1.0
) -> Any:
    optimizer, epoch_loss, loss = sgd(model, lr), 0.0, torch.tensor(0.0)
    for _ in range(epochs):
        model.train()
        running = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = p.mean(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        epoch_loss = running / len(loader)
        if validation is not None:
            evaluated(model, p.mean, validation)
    return epoch_loss, loss.item()


def evaluated(model: Any, loss_fn: Any, loader: Any) -> float:
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in loader:
            total += loss_fn(model(x), y).item()
    return total / len(loader)


def short_window() -> Seen:
    model = p.Weight()
    accumulated(model, p.mean, p.loader(p.samples(p.SIX)), 4)
    return Seen(model.w.item())


def unequal_tokens() -> Seen:
    model = p.Tokens()
    accumulated(model, p.token_loss, p.loader(p.texts()), 4)
    return Seen(model.w.item())


def uneven_evaluation() -> Seen:
    return Seen(evaluated(p.Weight(1.0), p.mean, p.loader(p.samples(p.FIVE), 2)))


def masked_evaluation() -> Seen:
    return Seen(evaluated(p.Tokens(1.0), p.token_loss, p.loader(p.texts(), 2)))


def nan_logged() -> Seen:
    return Seen(trained(p.Rooted(), p.loader(p.samples(p.BREAKING)))[1])


def nan_weight() -> Seen:
    model = p.Rooted()
    trained(model, p.loader(p.samples(p.BREAKING)))
    return Seen(model.w.item())


def schedule_frequency() -> Seen:
    model = p.Weight()
    optimizer = sgd(model)
    schedule = p.halving_every_two(optimizer)
    for i, (x, y) in enumerate(p.loader(p.samples(p.TEN))):
        (p.mean(model(x), y) / 2).backward()
        if (i + 1) % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
            schedule.step()
    return Seen(model.w.item())


def metric() -> Seen:
    def rmse(prediction: Any, target: Any) -> Any:
        return torch.nn.functional.mse_loss(prediction, target).sqrt()

    return Seen(evaluated(p.Weight(1.0), rmse, p.loader(p.samples(p.ERRORS), 2)))


def validation_randomness() -> Seen:
    def weight(validate: bool) -> float:
        torch.manual_seed(0)
        model, validation = p.Noisy(), p.loader(p.samples(p.FOUR))
        trained(model, p.loader(p.samples(p.FOUR)), validation if validate else None, epochs=2)
        return model.w.item()

    return Seen(p.trace(weight))


def frozen_batchnorm() -> Seen:
    model = p.Frozen()
    trained(model, p.loader(p.samples(p.FOUR), 2), p.loader(p.samples(p.FOUR), 2), epochs=2)
    return Seen(model.norm.running_mean.item())  # pyright: ignore[reportOptionalMemberAccess]


def skipped_update() -> Seen:
    model = p.Half()
    optimizer = sgd(model)
    updates = p.Updates(optimizer)
    schedule, scaler = p.halving(optimizer), torch.amp.GradScaler("cpu")
    for x, y in p.loader(p.samples(p.FOUR, torch.float32)):
        optimizer.zero_grad()
        loss = p.mean(model(x), y)  # autocast is in the model here
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        schedule.step()
    updates.must_be(3)
    return Seen(model.linear.weight.item())


def epoch_loss() -> Seen:
    return Seen(trained(p.Weight(1.0), p.loader(p.samples(p.FIVE), 2), lr=0.0)[0])
