"""The best of a hand-written loop: marked, kept besides the newest, the same after any stop."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from checkpoints.resumed import Stop, same
from fivestep import Checkpoint, fit, weights

VALUES = (3.0, 1.0, math.nan, 2.0, 0.5, 4.0)
FEATURES = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
DATA = FEATURES, FEATURES.sum(1, keepdim=True)


class Told:
    """What a loop said of itself; the weights at each epoch's end."""

    def __init__(self) -> None:
        self.answers: list[bool] = []
        self.at: list[dict[str, Any]] = []


def train(
    folder: Path,
    *,
    values: Sequence[Any] = VALUES,
    mode: Any = "min",
    tick: Callable[[], None] = lambda: None,
    options: dict[str, Any] | None = None,
) -> Told:
    torch.manual_seed(2)
    model = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.2), nn.Linear(5, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    options = {"every": "1 epoch"} | (options or {})
    checkpoint = Checkpoint(folder, {"net": model, "optimizer": optimizer}, **options)
    told = Told()
    for epoch in checkpoint.epochs(len(values)):
        for inputs, targets in checkpoint.batches(DATA, batch_size=6):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
            tick()
        told.answers.append(checkpoint.monitor(values[epoch - 1], mode=mode))
        told.at.append(copy.deepcopy(dict(model.state_dict())))
        tick()
    return told


def marks(folder: Path) -> list[Any]:
    found = sorted(folder.glob("checkpoint-*.json"), reverse=True)
    return [json.loads(one.read_text()).get("best") for one in found]


@pytest.mark.parametrize(
    ("values", "mode", "answers", "best"),
    [
        (VALUES, "min", [True, True, False, False, True, False], 5),
        (VALUES, "max", [True, False, False, False, False, True], 6),
        ([math.nan, 1, True, -math.inf], "min", [False, True, False, True], 4),
        ([torch.tensor([2.0]), torch.tensor(1.0)], "min", [True, True], 2),
        ([0.5, 0.5, 0.7], "max", [True, False, True], 3),
    ],
)
@pytest.mark.parametrize("keep", [1, 3])
def test_the_best_stays_beside_the_newest(
    values: Sequence[Any], mode: str, answers: list[bool], best: int, keep: int, tmp_path: Path
) -> None:
    told = train(tmp_path, values=values, mode=mode, options={"keep": keep})
    assert told.answers == answers
    marked = [one for one in marks(tmp_path) if one]
    assert marked[0]["epoch"] == best
    assert marked[0]["iteration"] == 4 * best
    assert float(marked[0]["value"]) == float(values[best - 1])
    same(weights(tmp_path, name="net"), told.at[best - 1])
    same(weights(tmp_path, "last", name="net"), told.at[-1])
    assert keep <= len(marks(tmp_path)) <= keep + 1


def test_stopped_anywhere_the_best_is_the_same(tmp_path: Path) -> None:
    whole = train(tmp_path / "whole", options={"keep": 1})
    for at in range(5 * len(VALUES)):
        left = at

        def tick() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Stop

        folder = tmp_path / f"at {at}"
        with pytest.raises(Stop):
            train(folder, tick=tick, options={"keep": 1})
        again = train(folder, options={"keep": 1})
        assert again.answers == whole.answers[len(VALUES) - len(again.answers) :]
        assert marks(folder) == marks(tmp_path / "whole")
        same(weights(folder, name="net"), whole.at[4])


def test_within_an_epoch_it_is_saved_where_its_batch_ends(tmp_path: Path) -> None:
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    checkpoint = Checkpoint(tmp_path, {"model": model, "optimizer": optimizer}, every="9 hours")
    kept = {}
    for _ in checkpoint.epochs(1):
        for inputs, targets in checkpoint.batches(DATA, batch_size=5):
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
            if checkpoint.monitor([3, 1, 2, 2][checkpoint.batch]):
                kept = copy.deepcopy(dict(model.state_dict()))
    assert [one and one["iteration"] for one in marks(tmp_path)] == [None, 2]
    same(weights(tmp_path), kept)


@pytest.mark.parametrize("options", [{}, {"every": None}, {"every": "9 hours"}, {"keep": 1}])
def test_the_best_weights_are_in_every_save(options: dict[str, Any], tmp_path: Path) -> None:
    """Also where no save was due when the best was found."""
    told = train(tmp_path, values=[3.0, 2.0, 1.0, 1.5], options=options)
    assert told.answers == [True, True, True, False]
    same(weights(tmp_path, name="net"), told.at[2])


def test_what_was_saved_of_the_best_may_be_damaged(tmp_path: Path) -> None:
    told = train(tmp_path, options={"keep": 1})
    best = min(tmp_path.glob("checkpoint-*.json"))
    best.write_bytes(best.read_bytes()[:-1])
    same(weights(tmp_path, name="net"), told.at[4])
    later = train(tmp_path, values=[*VALUES, 0.7, 0.2, 0.3], options={"keep": 1})
    assert later.answers == [False, True, False]
    assert [one["epoch"] for one in marks(tmp_path) if one] == [8]
    same(weights(tmp_path, name="net"), later.at[1])


def test_without_keep_best_it_is_followed_only(tmp_path: Path) -> None:
    told = train(tmp_path, options={"keep_best": False})
    assert told.answers == [True, True, False, False, True, False]
    assert marks(tmp_path) == [None, None]
    with pytest.raises(ValueError, match="no such weights of 'net'"):
        weights(tmp_path, name="net")


def test_another_mode_looks_for_the_best_anew_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(tmp_path, values=[0.4, 0.1])
    told = train(tmp_path, values=[0.4, 0.1, 0.2, 0.3, 0.1], mode="max")
    assert told.answers == [True, True, False]
    assert capsys.readouterr().err.count("the best is looked for anew: mode was 'min', is") == 1
    same(weights(tmp_path, name="net"), told.at[1])


def test_where_it_may_be_called(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {"model": nn.Linear(3, 1)})
    with pytest.raises(ValueError, match=r"outside of checkpoint\.epochs"):
        checkpoint.monitor(1.0)
    epochs = checkpoint.epochs(2)
    with pytest.raises(ValueError, match=r"outside of checkpoint\.epochs"):
        checkpoint.monitor(1.0)
    next(epochs)
    checkpoint.monitor(1.0)
    with pytest.raises(ValueError, match=r"called before checkpoint\.batches in this epoch"):
        list(checkpoint.batches(DATA))
    with pytest.raises(ValueError, match="mode='min', and mode='max' was given"):
        checkpoint.monitor(1.0, mode="max")
    epochs.close()
    with pytest.raises(ValueError, match=r"outside of checkpoint\.epochs"):
        checkpoint.monitor(0.5)


@pytest.mark.filterwarnings("error")
def test_what_is_no_number_is_refused(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path, {"model": nn.Linear(1, 1)})
    for _ in checkpoint.epochs(1):
        with pytest.raises(ValueError, match="choose 'min' or 'max'"):
            checkpoint.monitor(1.0, mode="least")  # pyright: ignore[reportArgumentType]
        for shaped in (torch.zeros(2), np.zeros((1, 3))):
            with pytest.raises(ValueError, match=r"shape \[(2|1, 3)\]"):
                checkpoint.monitor(shaped)  # pyright: ignore[reportArgumentType]
        for other in ("low", "0.5", None, 1j, [1.0], 10**400, torch.zeros((), device="meta")):
            with pytest.raises(TypeError, match="and a number was expected"):
                checkpoint.monitor(other)  # pyright: ignore[reportArgumentType]
        graded = torch.ones((), requires_grad=True) * 3
        for value in (graded, np.float32(2.5), np.array([2.0]), torch.tensor([[1.5]]), 1, 0.5):
            assert checkpoint.monitor(value)  # pyright: ignore[reportArgumentType]


def test_the_folder_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "hand")
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="saved by a loop written by hand, and this is fit"):
        fit(model, nn.MSELoss(), optimizer, DATA, epochs=1, checkpoint=tmp_path / "hand")
    fit(model, nn.MSELoss(), optimizer, DATA, epochs=1, checkpoint=tmp_path / "fit", progress=False)
    with pytest.raises(ValueError, match="saved by fit, and this is a loop of your own"):
        list(Checkpoint(tmp_path / "fit", {"model": model}).epochs(1))
