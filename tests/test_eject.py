"""The plain loop of a run does to the bit what the run did, for every option, and reads well."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from ejecting import (
    Case, Noisy, Unsized, adam, check, executed, loader, quiet_loader, samples, several, sgd, small,
)
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR

from fivestep.attach.schedule import constant, cosine, linear
from fivestep.evaluate import accuracy

ROOT = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)

held_out = partial(samples, 9, 5)
dataset = Noisy


def wide_targets() -> tuple[Tensor, Tensor]:
    x, y = samples(20)
    return x, torch.stack((y, y), dim=1)


class PerToken(nn.Module):
    """Two targets for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.body = small(6)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).reshape(len(x), 3, 2)


def with_ignored(every: int = 3) -> tuple[Tensor, Tensor]:
    x, y = wide_targets()
    y[::every] = -100
    y[1::4, 0] = -100
    return x, y


def ignored_row() -> tuple[Tensor, Tensor]:
    x, y = with_ignored()
    y[8:12] = -100
    return x, y


def terms(prediction: Tensor, targets: Tensor) -> dict[str, Any]:
    first, second = functional.cross_entropy(prediction, targets), prediction.square().mean()
    return {"loss": first + 0.1 * second, "first": first, "second": second.detach()}


class TwoInputs(nn.Module):
    """Takes two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.body = small()

    def forward(self, x: Tensor, scale: Tensor) -> Tensor:
        return self.body(x * scale)


def two_inputs() -> Any:
    x, y = samples()
    return (x, x[:, :1].abs()), y


def named_inputs() -> Any:
    (x, scale), y = two_inputs()
    return {"scale": scale, "x": x}, y


def on_batch(model: Any, batch: Any) -> Tensor:
    return model(batch[0] * 0.5)


def batch_loss(prediction: Tensor, batch: Any) -> Tensor:
    return functional.cross_entropy(prediction, batch[1])


def nan_after(count: int) -> tuple[Tensor, Tensor]:
    x, y = samples()
    x[count] = float("inf")
    return x, y


def frozen_norm() -> nn.Module:
    model = small()
    model[1].eval()
    return model


def half_of_it(model: nn.Module) -> Any:
    return torch.optim.SGD([{"params": model[4].parameters()}, {"params": model[0].weight}], lr=0.1)  # type: ignore


def weighted() -> nn.Module:
    return nn.CrossEntropyLoss(weight=torch.tensor([0.2, 1.0, 3.0]))


BASE = {"epochs": 3, "batch_size": 4}
TABLE: dict[str, Case] = {
    "plain": Case(BASE),
    "sgd in order": Case({**BASE, "shuffle": False}, optimizer=sgd),
    "no seed": Case({**BASE, "seed": None}, before=5),
    "another seed": Case({**BASE, "seed": 2**40}),
    "accumulate": Case({**BASE, "accumulate": 4}),
    "a lone last batch": Case({**BASE, "accumulate": 5}),
    "clip": Case({**BASE, "clip": 0.05}, optimizer=sgd),
    "clip value": Case({**BASE, "clip_value": 0.01, "clip": 0.03}, optimizer=sgd),
    "part of the model": Case({**BASE, "clip": 0.05, "accumulate": 2}, optimizer=half_of_it),
    "cosine": Case({**BASE, "schedule": cosine(warmup="4 updates")}),
    "linear": Case({**BASE, "schedule": linear(lowest=0.1)}),
    "constant": Case({**BASE, "schedule": constant(warmup="0.3 run")}),
    "schedule every 3": Case({**BASE, "schedule": cosine(), "schedule_every": "3 updates"}),
    "own schedule": Case(BASE, scheduler=lambda o: StepLR(o, 1, gamma=0.5)),
    "own, every other": Case(
        {**BASE, "schedule_every": "2 epochs"}, scheduler=lambda o: StepLR(o, 1, gamma=0.5)
    ),
    "own by update": Case(
        {**BASE, "schedule_every": "update"},
        scheduler=lambda o: OneCycleLR(o, 0.1, total_steps=18),
    ),
    "plateau": Case(
        {**BASE, "epochs": 5},
        validate=held_out,
        scheduler=lambda o: ReduceLROnPlateau(o, patience=0, factor=0.5),
    ),
    "bfloat16": Case({**BASE, "precision": "bfloat16"}),
    "float16": Case({**BASE, "precision": "float16", "schedule": cosine()}),
    "float16, several": Case({**BASE, "precision": "float16", "clip": 0.1}, optimizer=several),
    "float16, accumulated": Case({**BASE, "precision": "float16", "accumulate": 3}),
    "several": Case({**BASE, "clip": 0.05, "schedule": linear()}, optimizer=several),
    "several by name": Case(
        BASE, optimizer=lambda m: dict(zip("ab", several(m), strict=True))
    ),
    "ema": Case({**BASE, "average": 0.8}),
    "ema, validated": Case({**BASE, "average": 0.8}, validate=held_out),
    "ema, no norm": Case({**BASE, "average": 0.8}, partial(small, norm=False), validate=held_out),
    "ema of loader": Case({"epochs": 3, "average": 0.8}, train=loader, validate=held_out),
    "ema of generator": Case(
        {"epochs": 3, "average": 0.8},
        train=lambda: loader(generator=torch.Generator().manual_seed(4)), validate=held_out,
    ),
    "ema in bfloat16": Case(
        {**BASE, "average": 0.8, "precision": "bfloat16"}, validate=held_out
    ),
    "swa": Case(
        {**BASE, "average": "equal", "average_start": "0.5 run", "average_every": 2},
        validate=held_out,
    ),
    "swa, best": Case(
        {**BASE, "average": "equal", "average_start": "0.5 run", "restore_best": True},
        validate=held_out,
    ),
    "ema, by loss": Case({**BASE, "average": 0.8, "average_every": 2, "monitor": "loss"}),
    "validated": Case(BASE, validate=held_out),
    "accuracy": Case({**BASE, "metrics": accuracy}, validate=held_out),
    "by accuracy": Case(
        {**BASE, "epochs": 6, "metrics": accuracy, "monitor": "validation_accuracy", "mode": "max",
         "patience": 2},
        validate=held_out,
    ),
    "restored": Case({**BASE, "restore_best": True, "epochs": 6}, validate=held_out),
    "patience": Case({**BASE, "patience": 1, "min_delta": 0.03, "epochs": 9}, validate=held_out),
    "by loss": Case({**BASE, "patience": 1, "monitor": "loss", "epochs": 20}, optimizer=sgd),
    "nothing kept": Case({**BASE, "keep_best": False, "patience": 2}, validate=held_out),
    "validated by update": Case({**BASE, "validate_every": 4, "patience": 1}, validate=held_out),
    "validated in windows": Case(
        {**BASE, "validate_every": 2, "accumulate": 2, "restore_best": True}, validate=held_out
    ),
    "validated by parts": Case({**BASE, "validate_every": "0.4 epochs"}, validate=held_out),
    "validated by iteration": Case({**BASE, "validate_every": "4 iterations"}, validate=held_out),
    "every second epoch": Case(
        {**BASE, "epochs": 5, "validate_every": "2 epochs", "patience": 1}, validate=held_out
    ),
    "validation in a loader": Case(BASE, validate=quiet_loader),
    "validation in a dataset": Case(BASE, validate=dataset),
    "another size": Case({"epochs": 2, "batch_size": 4}, train=dataset, validate=held_out),
    "loader, validated": Case({"epochs": 2}, train=loader, validate=held_out),
    "dataset": Case(BASE, train=dataset),
    "dataset in order": Case({**BASE, "shuffle": False}, train=dataset),
    "loader": Case({"epochs": 3}, train=loader),
    "loader, accumulated": Case({"epochs": 3, "accumulate": 4}, train=loader),
    "list": Case({"epochs": 3, "accumulate": 2}, train=lambda: list(quiet_loader())),
    "nobody knows how long": Case(
        {"epochs": 3, "accumulate": 2}, train=lambda: Unsized(list(quiet_loader()))
    ),
    "updates": Case({"length": "7 updates", "batch_size": 4}),
    "updates in windows": Case({"length": "7 updates", "batch_size": 4, "accumulate": 2}),
    "updates, own schedule": Case(
        {"length": "12 updates", "batch_size": 4}, scheduler=lambda o: StepLR(o, 1, gamma=0.5),
        validate=held_out,
    ),
    "iterations": Case({"length": "9 iterations", "batch_size": 4, "accumulate": 2}),
    "iterations of a loader": Case({"length": "9 iterations", "accumulate": 4}, train=loader),
    "epochs in parts": Case({"length": "1.5 epochs", "batch_size": 4}, validate=held_out),
    "sum": Case({**BASE, "accumulate": 4}, loss_fn=lambda: nn.CrossEntropyLoss(reduction="sum")),
    "tokens": Case(
        {**BASE, "accumulate": 2}, PerToken, train=with_ignored, validate=with_ignored
    ),
    "all tokens": Case({**BASE, "accumulate": 2}, PerToken, train=wide_targets),
    "a batch of nothing": Case({**BASE, "shuffle": False}, PerToken, train=ignored_row),
    "nothing in a window": Case(
        {**BASE, "shuffle": False, "accumulate": 2}, PerToken, train=ignored_row
    ),
    "weights": Case({**BASE, "accumulate": 3}, loss_fn=weighted, validate=held_out),
    "weights of a partial": Case(
        {**BASE, "accumulate": 3},
        loss_fn=lambda: partial(
            functional.cross_entropy, weight=torch.tensor([0.2, 1.0, 3.0]), ignore_index=0
        ),
    ),
    "own items": Case(
        {**BASE, "accumulate": 3, "items": lambda batch: (batch[1] == 1).sum()}, validate=held_out
    ),
    "terms": Case({**BASE, "accumulate": 2}, loss_fn=lambda: terms, validate=held_out),
    "forward": Case(
        {**BASE, "forward": on_batch}, loss_fn=lambda: batch_loss, validate=held_out
    ),
    "forward in bfloat16": Case(
        {**BASE, "forward": on_batch, "precision": "bfloat16"}, loss_fn=lambda: batch_loss,
    ),
    "forward of a loader": Case(
        {"epochs": 2, "forward": on_batch, "items": lambda batch: len(batch[1])},
        loss_fn=lambda: batch_loss, train=loader,
    ),
    "two inputs": Case(BASE, TwoInputs, train=two_inputs, validate=two_inputs),
    "named inputs": Case({**BASE, "precision": "bfloat16"}, TwoInputs, train=named_inputs),
    "lbfgs": Case(
        {**BASE, "batch_size": 22}, partial(small, dropout=0.0),
        lambda m: torch.optim.LBFGS(m.parameters(), lr=0.1),
    ),
    "frozen norm": Case(BASE, frozen_norm, validate=held_out),
    "stopped": Case({**BASE, "restore_best": True}, validate=held_out, train=partial(nan_after, 6)),
    "skipped": Case({**BASE, "nonfinite": "skip"}, train=partial(nan_after, 6)),
    "tf32": Case({**BASE, "tf32": False}),
    "ema, frozen weights": Case({**BASE, "average": 0.9}, optimizer=half_of_it),
}  # fmt: skip


def assert_style(text: str) -> None:
    """Hold a text to the repository's own settings."""
    ruff = Path(sys.executable).with_name("ruff")
    for verb in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        command = [str(ruff), *verb, "--stdin-filename", "ejected.py", "-"]
        done = subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", TABLE)
def test_the_text_does_what_the_run_did(name: str) -> None:
    assert_style(check(TABLE[name]))


__all__ = ["adam", "ast", "executed", "Path", "replace", "subprocess", "sys"]
