"""Going back from a loss that is not finite: to the last good state, at a lower rate."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler as schedules

import fivestep
from checkpoints.resumed import Made, equal, plain, same, stopped, trained
from checkpoints.test_fit_checkpoint import Signalling
from fivestep import Back, Checkpoint, Run, fit

INPUTS = torch.randn(18, 4, generator=torch.Generator().manual_seed(1))
DATA = INPUTS, INPUTS.sum(1, keepdim=True)
QUIET: dict[str, Any] = {"progress": False, "watch": False}


def network(dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(3)
    made = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.2), nn.Linear(4, 1))
    return made.to(dtype)


class Limited(nn.Module):
    """A squared error that overflows where a prediction is larger than a limit."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, prediction: Any, targets: Any) -> Any:
        loss = nn.functional.mse_loss(prediction, targets)
        return loss if float(prediction.detach().abs().max()) < self.limit else loss * math.inf


class Bad(nn.Module):
    """A squared error that is NaN at its n-th calls with a gradient."""

    def __init__(self, *at: int) -> None:
        super().__init__()
        self.at, self.call = at, 0
        self.counts = count(1)  # an int would go back with the training

    def forward(self, prediction: Any, targets: Any) -> Any:
        loss = nn.functional.mse_loss(prediction, targets)
        if not torch.is_grad_enabled():
            return loss
        self.call = next(self.counts)
        return loss * math.nan if self.call in self.at else loss


def data(dtype: torch.dtype = torch.float64) -> Any:
    return tuple(one.to(dtype) for one in DATA)


def back(folder: Path, *bad: int, **options: Any) -> tuple[Run, nn.Module, Any]:
    """Train with a loss that is bad at these calls, and go back."""
    model = options.pop("model", None) or network()
    optimizer = options.pop("optimizer", lambda p: optim.SGD(p, lr=0.05))(model.parameters())
    schedule = options.pop("schedule", lambda _: None)(optimizer)
    usual: dict[str, Any] = {"epochs": 3, "batch_size": 6, "nonfinite": Back(every="1 epoch")}
    options = usual | QUIET | {"schedule": schedule} | options
    loss = options.pop("loss", None) or Bad(*bad)
    given = data(next(model.parameters()).dtype)
    run = fit(model, loss, optimizer, given, checkpoint=Checkpoint(folder), **options)
    return run, model, optimizer


# --- Where to, at which rate ------------------------------------------------------------------


def test_it_goes_back_to_the_last_place_and_lowers_the_rate(tmp_path: Path) -> None:
    run, _, optimizer = back(tmp_path, 6)  # 3 batches an epoch: the third of epoch 2
    assert run.reason == "finished"
    (record,) = run.returns
    assert (record["epoch"], record["iteration"], record["update"]) == (1, 3, 3)
    assert (record["from_epoch"], record["from_iteration"], record["from_update"]) == (2, 6, 5)
    assert (record["from_rate"], record["learning_rate"]) == (0.05, 0.025)
    assert math.isnan(record["loss"])
    assert [one["when"] for one in run.history] == ["epoch", "back", "epoch", "epoch"]
    assert [one["learning_rate"] for one in run.epochs] == [0.05, 0.025, 0.025]
    assert [one["iteration"] for one in run.epochs] == [3, 6, 9]
    assert "went back from iteration 6 to 3 (epoch 1), rate 0.05 to 0.025" in run.summary()
    assert optimizer.param_groups[0]["lr"] == 0.05  # what sets the rate goes on as it was


def test_the_rest_is_the_same_training_at_the_lower_rate(tmp_path: Path) -> None:
    run, model, _ = back(tmp_path / "a", 2)  # before anything was kept but the start
    _, slower, _ = back(tmp_path / "b", optimizer=lambda p: optim.SGD(p, lr=0.025))
    same(model.state_dict(), slower.state_dict())
    assert run.returns[0]["iteration"] == 0


def test_it_stops_after_so_many_times_with_the_reason_of_stop(tmp_path: Path) -> None:
    options = {"nonfinite": Back(0.1, most=2, every="1 epoch")}
    run, model, _ = back(tmp_path, 5, 7, 9, **options)
    assert run.reason == "nonfinite"
    assert len(run.returns) == 2
    assert run.message.startswith("iteration ")
    assert run.message.endswith("it had gone back 2 times before")
    assert run.exit_code == 1
    assert run.history[-1]["when"] == "nonfinite"
    assert all(bool(torch.isfinite(one).all()) for one in model.parameters())


def test_it_goes_further_back_where_the_same_stretch_fails_again(tmp_path: Path) -> None:
    run, _, _ = back(tmp_path, 8, 10)  # epoch 3; and again, right after going back
    assert [one["iteration"] for one in run.returns] == [6, 3]
    assert [one["from_iteration"] for one in run.returns] == [8, 8]
    assert [one["when"] for one in run.history] == ["epoch", "back", "back", "epoch", "epoch"]
    assert run.reason == "finished"
    assert run.epochs[-1]["learning_rate"] == 0.05 / 4


def test_a_place_whose_next_loss_is_bad_already_is_passed_over(tmp_path: Path) -> None:
    run, _, _ = back(tmp_path, 7)  # the first batch of epoch 3
    assert [one["iteration"] for one in run.returns] == [3]


def test_no_state_with_bad_weights_is_gone_back_to(tmp_path: Path) -> None:
    class Poisoned(Bad):
        def forward(self, prediction: Any, targets: Any) -> Any:
            found = super().forward(prediction, targets)
            if self.call == 5:
                with torch.no_grad():
                    model.spare.fill_(math.inf)  # no loss asks for it
            return found

    model: Any = network()
    model.spare = nn.Parameter(torch.ones(2, dtype=torch.float64))
    run, _, _ = back(tmp_path, 8, model=model, loss=Poisoned(8))
    assert [one["iteration"] for one in run.returns] == [3]
    assert bool(torch.isfinite(model.spare).all())
    assert run.reason == "finished"


def test_weights_that_are_bad_after_the_last_update_are_a_reason_too(tmp_path: Path) -> None:
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    calls: list[int] = []

    def ruin(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 9:
            with torch.no_grad():
                next(model.parameters()).fill_(math.nan)

    optimizer.register_step_post_hook(ruin)
    run, _, _ = back(tmp_path, model=model, optimizer=lambda _: optimizer)
    assert run.reason == "finished"
    assert [one["from_iteration"] for one in run.returns] == [9]


def test_what_was_lowered_stays_so_where_it_goes_on_without_going_back(tmp_path: Path) -> None:
    back(tmp_path, 5, epochs=2)
    run, _, _ = back(tmp_path, epochs=4, nonfinite="stop")
    assert [one["learning_rate"] for one in run.epochs] == [0.05, 0.025, 0.025, 0.025]
    again, _, _ = back(tmp_path, 2, epochs=6)  # and goes back from there with the state it has
    assert [one["learning_rate"] for one in again.epochs[-2:]] == [0.0125, 0.0125]
    assert again.returns[-1]["iteration"] == 12


def test_the_folder_is_needed_and_what_is_given_is_checked() -> None:
    model = network()
    rate = optim.SGD(model.parameters(), lr=0.05)
    given = (model, nn.MSELoss(), rate, data())
    for value in ("back", Back()):
        with pytest.raises(ValueError, match=r"without checkpoint.*\n  do: give checkpoint='DIR'"):
            fit(*given, epochs=1, nonfinite=value)  # pyright: ignore[reportArgumentType]
    for wrong in (0, 1, 1.5, math.nan, True, "half"):
        with pytest.raises(ValueError, match=r"factor=.* was given.*\n  do: factor=0\.5"):
            Back(wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="most=0 was given"):
        Back(most=0)
    with pytest.raises(ValueError, match="every='often' was given"):
        Back(every="often")


# --- Every schedule ---------------------------------------------------------------------------

# Each made for a full rate: with half of it the same training runs at half the rate throughout.
SCHEDULES: dict[str, Callable[[Any, float], Any]] = {
    "none": lambda o, h: None,
    "LambdaLR": lambda o, h: schedules.LambdaLR(o, lambda step: 0.9**step),
    "MultiplicativeLR": lambda o, h: schedules.MultiplicativeLR(o, lambda step: 0.9),
    "StepLR": lambda o, h: schedules.StepLR(o, 2),
    "MultiStepLR": lambda o, h: schedules.MultiStepLR(o, [2, 3, 5]),
    "ConstantLR": lambda o, h: schedules.ConstantLR(o, total_iters=3),
    "LinearLR": lambda o, h: schedules.LinearLR(o, total_iters=3),
    "ExponentialLR": lambda o, h: schedules.ExponentialLR(o, 0.8),
    "PolynomialLR": lambda o, h: schedules.PolynomialLR(o, 5, power=2),
    "CosineAnnealingLR": lambda o, h: schedules.CosineAnnealingLR(o, 4, eta_min=0.01 * h),
    "CosineAnnealingWarmRestarts": lambda o, h: schedules.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o, h: schedules.CyclicLR(o, 0.001 * h, 0.1 * h, 2, mode="triangular2"),
    "CyclicLR exp_range": lambda o, h: schedules.CyclicLR(
        o, 0.001 * h, 0.1 * h, 2, mode="exp_range", gamma=0.9
    ),
    "OneCycleLR": lambda o, h: schedules.OneCycleLR(o, 0.1 * h, total_steps=10),
    "ChainedScheduler": lambda o, h: schedules.ChainedScheduler(
        [schedules.ConstantLR(o, total_iters=3), schedules.ExponentialLR(o, 0.9)]
    ),
    "SequentialLR": lambda o, h: schedules.SequentialLR(
        o, [schedules.LinearLR(o, total_iters=3), schedules.CosineAnnealingLR(o, 4)], [3]
    ),
    "ReduceLROnPlateau": lambda o, h: schedules.ReduceLROnPlateau(
        o, patience=0, threshold=0.5, min_lr=0.004 * h, eps=0
    ),
    "SWALR": lambda o, h: optim.swa_utils.SWALR(o, swa_lr=0.001 * h, anneal_epochs=3),
    "cosine": lambda o, h: fivestep.cosine(warmup="2 updates"),
    "linear": lambda o, h: fivestep.linear(),
    "constant": lambda o, h: fivestep.constant(warmup="3 updates"),
}
KINDS: dict[str, Callable[[Any, float], Any]] = {
    "SGD": lambda p, h: optim.SGD(p, lr=0.05 * h, momentum=0.9),
    "groups of Adam": lambda p, h: optim.Adam(
        [{"params": list(p)[:2], "lr": 0.1 * h}, {"params": list(p)[2:]}], lr=0.01 * h
    ),
    "several": lambda p, h: fivestep.together(
        {"first": optim.AdamW((q := list(p))[:2], lr=0.01 * h, weight_decay=0.1),
         "rest": optim.SGD(q[2:], lr=0.1 * h, momentum=0.9)}
    ),
    "rate in a tensor": lambda p, h: optim.Adam(
        p, lr=torch.tensor(0.05 * h, dtype=torch.float64), foreach=False
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("every", ["update", "epoch"])
@pytest.mark.parametrize("kind", ["SGD", "groups of Adam"])
def test_every_schedule_goes_on_at_half_its_rate(
    name: str, every: str, kind: str, tmp_path: Path
) -> None:
    if (every == "epoch" and name in ("cosine", "linear", "constant")) or (
        "Adam" in kind and name == "CyclicLR exp_range"
    ):
        pytest.skip("they move with the updates")
    options: dict[str, Any] = {"validate": data(), "log_every": 1}
    options["epochs"] = 5 if every == "epoch" else 3
    if name not in ("none", "ReduceLROnPlateau"):
        options["schedule_every"] = every

    def made(folder: str, half: float, *bad: int) -> Any:
        momentum = {"cycle_momentum": False} if "Cyc" in name and "Adam" in kind else {}
        make = SCHEDULES[name] if not momentum else without_momentum
        return back(
            tmp_path / folder, *bad, optimizer=lambda p: KINDS[kind](p, half),
            schedule=lambda o: make(o, half), **options,
        )  # fmt: skip

    def without_momentum(optimizer: Any, half: float) -> Any:
        if name == "OneCycleLR":
            return schedules.OneCycleLR(optimizer, 0.1 * half, 10, cycle_momentum=False)
        return schedules.CyclicLR(optimizer, 0.001 * half, 0.1 * half, 2, cycle_momentum=False)

    run, model, _ = made("back", 1.0, 3)
    other, slower, _ = made("slower", 0.5)
    assert run.returns[0]["iteration"] == 0
    same(model.state_dict(), slower.state_dict())
    history = [plain(one) for one in run.history if one["when"] != "back"]
    same(history, [plain(one) for one in other.history])
    rates = {one["learning_rate"] for one in other.history}
    assert len(rates) > 1 or name in ("none", "constant"), "the schedule has to move to be tested"


@pytest.mark.parametrize("kind", KINDS)
def test_several_optimizers_groups_and_a_rate_in_a_tensor(kind: str, tmp_path: Path) -> None:
    run, model, _ = back(tmp_path / "a", 3, optimizer=lambda p: KINDS[kind](p, 1.0))
    other, slower, _ = back(tmp_path / "b", optimizer=lambda p: KINDS[kind](p, 0.5))
    same(model.state_dict(), slower.state_dict())
    assert len(run.returns) == 1
    assert [one["learning_rate"] for one in run.epochs] == [
        one["learning_rate"] for one in other.epochs
    ]


def test_an_overflow_of_float16_is_no_reason_to_go_back(tmp_path: Path) -> None:
    run, _, _ = back(
        tmp_path, model=network(torch.float32), loss=Huge(), precision="float16", epochs=8,
        optimizer=lambda p: optim.SGD(p, lr=1e-6),
    )  # fmt: skip
    assert run.history[-1]["skipped"] > 0
    assert run.returns == []


class Huge(nn.Module):
    def forward(self, prediction: Any, targets: Any) -> Any:
        return 1e4 * nn.functional.mse_loss(prediction, targets.to(prediction.dtype))


# --- Killed anywhere --------------------------------------------------------------------------


def diverging(**more: Any) -> Callable[[], Made]:
    def made() -> Made:
        model = network()
        optimizer = optim.SGD(model.parameters(), lr=1.5, momentum=0.9)
        options: dict[str, Any] = {
            "train": data(), "epochs": 5, "batch_size": 5, "validate": data(),
            "nonfinite": Back(most=6, every="3 updates"), "log_every": 2,
        }  # fmt: skip
        made = {name: one() if callable(one) else one for name, one in more.items()}
        return model, Limited(30.0), optimizer, options | made

    return made


def often(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="1 update")


def rarely(folder: Path) -> Checkpoint:
    return Checkpoint(folder, every="7 updates", keep=1)


SETTINGS: dict[str, dict[str, Any]] = {
    "often": {"saves": lambda: often},
    "rarely": {"saves": lambda: rarely},
    "averaged": {"average": 0.9, "saves": lambda: often},
    "patience": {"patience": 3, "saves": lambda: rarely, "restore_best": True},
    "windows": {"accumulate": 3, "saves": lambda: often},
    "by default": {"nonfinite": "back", "saves": lambda: rarely},
    "one epoch apart": {
        "nonfinite": lambda: Back(most=6, every="1 epoch"), "saves": lambda: rarely,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_stopped_anywhere_it_ends_the_same(name: str, tmp_path: Path) -> None:
    make = diverging(**SETTINGS[name])
    whole = trained(make, tmp_path / "whole", record=tmp_path / "whole.jsonl")
    assert any(one["when"] == "back" for one in whole.history)
    at = list(SETTINGS).index(name) % 3 - 2  # each stops at other places, a third of them
    while at < 80:
        at += 3
        folder, record = tmp_path / f"{at}", tmp_path / f"{at}.jsonl"
        if not stopped(make, folder, at, record=record):
            break
        again = trained(make, folder, record=record)
        equal(again, whole)
        same([plain(one) for one in Run.load(record).history], whole.history)
    assert at > 6


@pytest.mark.parametrize("name", ["often", "averaged", "windows"])
def test_told_to_stop_anywhere_it_ends_the_same(name: str, tmp_path: Path) -> None:
    def made(at: int = -1) -> Made:
        model, loss, optimizer, options = diverging(**SETTINGS[name])()
        options["saves"] = lambda folder: folder  # what the signal saves is what there is
        return model, Signalling(loss, at, signal.SIGINT), optimizer, options

    whole = trained(made, tmp_path / "whole")
    assert any(one["when"] == "back" for one in whole.history)
    at = 0
    for at in range(2 + list(SETTINGS).index(name) % 2, 40, 4):
        folder = tmp_path / f"{at}"
        if trained(lambda at=at: made(at), folder).reason != "interrupted":
            break
        equal(trained(made, folder), whole)
    assert at > 20
