"""The weights out of a folder: the best, the last, the averaged; while it is written, damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

import fivestep
from checkpoints.resumed import Made, same, stopped, trained
from fivestep import Checkpoint, fit, weights

INPUTS = torch.randn(24, 4, generator=torch.Generator().manual_seed(1))
DATA = INPUTS, INPUTS.sum(1, keepdim=True)


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def saves(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="1 update", keep=1, keep_best=False)


def made(**options: Any) -> Made:
    """Make a training whose rate is far too high from its third epoch on."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.MultiplicativeLR(
        optimizer, lambda epoch: 10.0 if epoch == 3 else 1.0
    )
    usual: dict[str, Any] = {
        "train": DATA, "validate": DATA, "epochs": 5, "batch_size": 8, "schedule": schedule,
        "saves": saves,
    }  # fmt: skip
    return model, nn.MSELoss(), optimizer, usual | options


def test_best_and_last_are_those_of_the_run(tmp_path: Path) -> None:
    left = trained(made, tmp_path / "saved")
    assert left.best is not None
    assert left.reason == "finished"
    assert left.best["epoch"] < 4  # older than all that is kept
    assert len(list((tmp_path / "saved").glob("checkpoint-*"))) == 1
    best = weights(tmp_path / "saved")
    same(best, left.best_weights)
    same(weights(tmp_path / "saved", "last"), dict(left.weights))
    assert any(not torch.equal(best[name], left.weights[name]) for name in best)
    other = network()
    other.load_state_dict(best)
    with torch.no_grad():
        value = nn.functional.mse_loss(other.eval()(INPUTS), DATA[1]).item()
    assert value == pytest.approx(left.best["validation_loss"], rel=1e-6)


def test_stopped_anywhere_best_is_the_best_so_far(tmp_path: Path) -> None:
    values: list[float] = []
    for at in range(4, 15, 2):
        folder = tmp_path / f"{at}"
        assert stopped(made, folder, at)
        other = network()
        other.load_state_dict(weights(folder))
        with torch.no_grad():
            values.append(nn.functional.mse_loss(other.eval()(INPUTS), DATA[1]).item())
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]


def test_the_averaged_ones(tmp_path: Path) -> None:
    left = trained(lambda: made(average=0.9), tmp_path / "saved")
    same(weights(tmp_path / "saved", "average"), left.average)


def test_anybody_loads_what_is_exported(tmp_path: Path) -> None:
    trained(made, tmp_path / "saved")
    save_file(weights(tmp_path / "saved"), tmp_path / "model.safetensors")
    read = load_file(tmp_path / "model.safetensors")  # in an order of its own
    expected = weights(tmp_path / "saved")
    assert set(read) == set(expected)
    same({name: read[name] for name in expected}, expected)


def test_a_model_in_torch_compile_has_its_own_names(tmp_path: Path) -> None:
    model: Any = torch.compile(network(), backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    fit(
        model, nn.MSELoss(), optimizer, DATA, epochs=1, validate=DATA, checkpoint=tmp_path,
        progress=False, watch=False,
    )  # fmt: skip
    network().load_state_dict(weights(tmp_path))


def test_a_damaged_one_is_passed_over_with_words(tmp_path: Path) -> None:
    options = {"saves": lambda folder: Checkpoint(folder, every="1 epoch", keep=2)}  # pyright: ignore
    left = trained(lambda: made(**options), tmp_path)
    newest = max(tmp_path.glob("checkpoint-*"))
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(UserWarning, match=f"{newest.name} was cut short or altered"):
        same(weights(tmp_path), left.best_weights)


def test_of_a_loop_by_hand(tmp_path: Path) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    checkpoint = Checkpoint(tmp_path, {"net": model, "optimizer": optimizer})
    for _ in checkpoint.epochs(1):
        for inputs, targets in checkpoint.batches(DATA, batch_size=8):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
    same(weights(tmp_path, "last", name="net"), dict(model.state_dict()))
    with pytest.raises(ValueError, match=r"no such weights of 'net'\n  do: choose one of \['last'"):
        weights(tmp_path, name="net")
    with pytest.raises(ValueError, match=r"do: name= one of the modules among \['net', 'opt"):
        weights(tmp_path)


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    def poisoned() -> Made:
        model, *others = made(epochs=1)
        model.spare = nn.Parameter(torch.tensor([1.0, float("nan")]))  # no loss asks for it
        return model, *others  # pyright: ignore[reportReturnType]

    trained(poisoned, tmp_path)
    with pytest.warns(UserWarning, match="NaN or inf stands in spare"):
        weights(tmp_path, "last")


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="do: name the folder"):
        weights(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="do: name the folder"):
        fivestep.weights(tmp_path)
    with pytest.raises(ValueError, match="choose 'best', 'last' or 'average'"):
        weights(tmp_path, "worst")  # pyright: ignore[reportArgumentType]
