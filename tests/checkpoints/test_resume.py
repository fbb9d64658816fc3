"""Every option of fit, stopped at every update and started again: equal to the untouched run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import fivestep
from checkpoints.resumed import Made, equal, stopped, trained
from fivestep import Checkpoint

SAMPLES, SIZE = 37, 8  # a last batch that is short


def data(count: int = SAMPLES) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 6, generator=generator)
    return inputs, (inputs.sum(1) > 0).long() + (inputs[:, 0] > 1).long()


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)
    )


def every_update(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="1 update")


def make(**options: Any) -> Made:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    base = {"train": data(), "epochs": 2, "batch_size": SIZE, "saves": every_update}
    return model, nn.CrossEntropyLoss(), optimizer, base | options


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "validation": {"validate": data(20), "metrics": fivestep.accuracy},
    "validated often": {"validate": data(20), "validate_every": "2 updates", "log_every": 1},
    "accumulate": {"accumulate": 3, "log_every": "1 update"},
    "clip": {"clip": 0.1, "clip_value": 0.05},
    "clip and accumulate": {"accumulate": 2, "clip": 0.1},
    "cosine": {"schedule": fivestep.cosine(warmup="3 updates")},
    "linear, accumulated": {"schedule": fivestep.linear(lowest=0.1), "accumulate": 2},
    "bfloat16": {"precision": "bfloat16"},
    "float16": {"precision": "float16", "accumulate": 2},
    "ema": {"average": 0.9, "validate": data(20)},
    "swa": {"average": "equal", "average_start": "4 updates", "average_every": "2 updates"},
    "swa, validated": {"average": "equal", "average_start": "3 updates", "validate": data(20)},
    "patience": {"validate": data(20), "patience": 1, "epochs": 6, "restore_best": True},
    "length in updates": {"length": "7 updates", "epochs": None},
    "part of an epoch": {"length": "1.5 epochs", "epochs": None},
    "one batch": {"overfit_one_batch": True},
    "in order": {"shuffle": False},
    "seed": {"seed": 12345678901234567890},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_a_training_stopped_anywhere_ends_as_if_it_had_not_been(name: str, tmp_path: Path) -> None:
    def made() -> Made:
        return make(**OPTIONS[name])

    whole = trained(made, tmp_path / "whole")
    at = 0
    while stopped(made, tmp_path / f"at {at}", at):
        equal(trained(made, tmp_path / f"at {at}"), whole)
        at += 1
    assert at >= 7


@pytest.mark.parametrize("name", OPTIONS)
def test_a_training_stopped_again_and_again_ends_as_if_it_had_not_been(
    name: str, tmp_path: Path
) -> None:
    def made() -> Made:
        return make(**OPTIONS[name])

    whole, times = trained(made, tmp_path / "whole"), 0
    while stopped(made, tmp_path / "again", 3):
        times += 1
    assert times >= 2
    equal(trained(made, tmp_path / "again"), whole)
