"""What hangs on the objects of a ``fit``: it does what it does alone, and is gone afterwards."""

from __future__ import annotations

import copy
import math
import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from by_hand import assert_same
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

import fivestep
from fivestep.batches import batches
from fivestep.fit import fit
from fivestep.randomness import preserved, seed_all

quiet = partial(fit, progress=False, watch=False)


def data(count: int = 70) -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(4)
    x = torch.randn(count, 6, generator=made)
    return x, (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()


def net(*, norm: bool = False, dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(2)
    middle = nn.BatchNorm1d(12) if norm else nn.Identity()
    return nn.Sequential(nn.Linear(6, 12), middle, nn.Tanh(), nn.Dropout(dropout), nn.Linear(12, 2))


def sgd(model: nn.Module, lr: float = 0.1) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=0.1)


def epochs_of(train: Any, epochs: int, **cut: Any) -> list[Any]:
    made = batches(train, **cut)
    return [batch for number in range(1, epochs + 1) for batch in made.epoch(number)]


# --- Clipping -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limits", [{"clip": 0.1}, {"clip_value": 0.01}, {"clip": 0.1, "clip_value": 0.05}]
)
def test_clipped_is_clipped_by_hand(limits: Any) -> None:
    model, oracle = net(), net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), epochs=2, batch_size=16, **limits
    )
    optimizer = sgd(oracle)
    norms: list[float] = []
    for x, y in epochs_of(data(), 2, batch_size=16):
        optimizer.zero_grad()
        functional.cross_entropy(oracle(x), y).backward()
        norms.append(float(nn.utils.get_total_norm([p.grad for p in oracle.parameters()])))  # pyright: ignore
        if "clip_value" in limits:
            nn.utils.clip_grad_value_(oracle.parameters(), limits["clip_value"])
        if "clip" in limits:
            nn.utils.clip_grad_norm_(oracle.parameters(), limits["clip"])
        optimizer.step()
    assert_same(model.state_dict(), oracle.state_dict())
    assert run.epochs[-1]["gradient_norm"] == pytest.approx(norms[-1])  # as backward left it
    assert norms[-1] > 0.1


def test_a_window_is_clipped_once_as_a_whole() -> None:
    one, other = net().double(), net().double()
    x, y = data(64)
    options: Any = {"epochs": 2, "clip": 0.05, "shuffle": False}
    split = quiet(
        one,
        functional.cross_entropy,
        sgd(one),
        (x.double(), y),
        batch_size=4,
        accumulate=4,
        **options,
    )
    whole = quiet(
        other, functional.cross_entropy, sgd(other), (x.double(), y), batch_size=16, **options
    )
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-13)
    norms = [run.epochs[-1]["gradient_norm"] for run in (split, whole)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-10)


# --- Schedules ----------------------------------------------------------------------------------


def rates(model: nn.Module, **options: Any) -> list[float]:
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), epochs=3, log_every=1, **options
    )
    return [one["learning_rate"] for one in run.history if one["when"] == "update"]


@pytest.mark.parametrize("window", [1, 2, 3, 5])
def test_a_shape_reaches_the_end_of_the_run_whatever_the_window(window: int) -> None:
    found = rates(
        net(), schedule=fivestep.cosine(warmup="0.25 run"), batch_size=8, accumulate=window
    )
    total = 3 * math.ceil(9 / window)
    warm = math.ceil(total / 4)
    expected = [
        0.1 * (k + 1) / warm
        if k < warm
        else 0.05 * (1 + math.cos(math.pi * (k - warm) / (total - warm)))
        for k in range(total)
    ]
    assert found == pytest.approx(expected)


def test_a_frequency_counts_updates_not_batches() -> None:
    model = net()
    optimizer = sgd(model)
    schedule = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    run = quiet(
        model, functional.cross_entropy, optimizer, data(64), epochs=1, batch_size=4, accumulate=2,
        schedule=schedule, schedule_every="2 updates", log_every="1 update",
    )  # fmt: skip
    found = [one["learning_rate"] for one in run.history if one["when"] == "update"]
    assert found == [0.1, 0.1, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125]


def test_every_second_epoch() -> None:
    model = net()
    optimizer = sgd(model)
    schedule = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    run = quiet(
        model, functional.cross_entropy, optimizer, data(), epochs=5, schedule=schedule,
        schedule_every="2 epochs",
    )  # fmt: skip
    assert [one["learning_rate"] for one in run.epochs] == [0.1, 0.1, 0.05, 0.05, 0.025]


# --- Precision ----------------------------------------------------------------------------------


def test_bfloat16_is_autocast_by_hand() -> None:
    model, oracle = net(dropout=0.3), net(dropout=0.3)
    quiet(model, functional.cross_entropy, sgd(model), data(), epochs=2, precision="bfloat16")
    optimizer = sgd(oracle)
    with preserved():
        seed_all(0)
        for x, y in epochs_of(data(), 2):
            with torch.autocast("cpu", torch.bfloat16):
                prediction = oracle(x)
            optimizer.zero_grad()
            functional.cross_entropy(prediction.float(), y).backward()
            optimizer.step()
    assert_same(model.state_dict(), oracle.state_dict())


def test_a_float16_update_that_overflows_is_skipped_and_the_schedule_waits() -> None:
    class Steep(nn.Module):
        """Its gradient overflows float16 at the scale that torch begins with."""

        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.w(x * 500)

    model = Steep()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    run = quiet(
        model, functional.cross_entropy, optimizer, data(64), epochs=2, batch_size=4,
        precision="float16", schedule=lr_scheduler.StepLR(optimizer, 1, gamma=0.5),
        schedule_every="update",
    )  # fmt: skip
    last = run.history[-1]
    assert last["skipped"] > 0
    assert last["update"] == last["iteration"] - last["skipped"]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-6 * 0.5 ** last["update"])


# --- Averages -----------------------------------------------------------------------------------


def test_the_averaged_weights_are_validated_kept_and_returned() -> None:
    model, oracle = net(), net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), epochs=3, batch_size=16, average=0.8,
        validate=data(40), restore_best=False,
    )  # fmt: skip
    optimizer, averaged = sgd(oracle), None
    averaged = AveragedModel(oracle, multi_avg_fn=get_ema_multi_avg_fn(0.8))
    losses: list[float] = []
    for number, (x, y) in enumerate(epochs_of(data(), 3, batch_size=16), start=1):
        optimizer.zero_grad()
        functional.cross_entropy(oracle(x), y).backward()
        optimizer.step()
        averaged.update_parameters(oracle)
        if number % 5 == 0:
            x, y = data(40)
            losses.append(functional.cross_entropy(averaged(x), y).item())
    assert_same(model.state_dict(), oracle.state_dict())
    assert_same(run.average_weights, dict(averaged.module.state_dict()))
    assert [one["validation_loss"] for one in run.epochs] == pytest.approx(losses, rel=1e-6)
    best = min(range(3), key=losses.__getitem__) + 1
    assert run.best_epoch == best
    if best == 3:
        assert_same(run.best_weights, run.average_weights)


@pytest.mark.parametrize(
    "validated", [{}, {"validate": (torch.zeros(4, 6), torch.zeros(4).long()), "validate_every": 3}]
)
def test_batch_norm_is_computed_anew_for_averaged_weights(validated: Any) -> None:
    model = net(norm=True)
    x, y = data()
    run = quiet(
        model, functional.cross_entropy, sgd(model), (x, y), epochs=4, batch_size=70,
        average="equal", average_start="0.5 run", **validated,
    )  # fmt: skip
    assert run.average_weights is not None
    first = functional.linear(x, run.average_weights["0.weight"], run.average_weights["0.bias"])
    torch.testing.assert_close(run.average_weights["1.running_mean"], first.mean(0))
    assert not torch.equal(model[1].running_mean, run.average_weights["1.running_mean"])  # pyright: ignore


def test_averaging_changes_no_bit_of_the_training() -> None:
    one, other = net(norm=True, dropout=0.2), net(norm=True, dropout=0.2)
    quiet(one, functional.cross_entropy, sgd(one), data(), epochs=2, average=0.9, validate=data(8))
    quiet(other, functional.cross_entropy, sgd(other), data(), epochs=2)
    assert_same(one.state_dict(), other.state_dict())


# --- Several optimizers, compilation ------------------------------------------------------------


@pytest.mark.parametrize("named", [True, False])
def test_several_optimizers_step_as_one(named: bool) -> None:
    model, oracle = net(), net()

    def several(of: nn.Sequential) -> list[torch.optim.Optimizer]:
        first = torch.optim.SGD(of[0].parameters(), lr=0.1)
        return [first, torch.optim.AdamW(of[4].parameters(), lr=0.01)]

    given: Any = dict(zip("ab", several(model), strict=True)) if named else several(model)
    quiet(model, functional.cross_entropy, given, data(), epochs=2, clip=0.1)
    optimizers = several(oracle)
    for x, y in epochs_of(data(), 2):
        for one in optimizers:
            one.zero_grad()
        functional.cross_entropy(oracle(x), y).backward()
        nn.utils.clip_grad_norm_(oracle.parameters(), 0.1)
        for one in optimizers:
            one.step()
    assert_same(model.state_dict(), oracle.state_dict())


def test_a_compiled_model_keeps_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
    model, oracle = net(), net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), epochs=2, compile=True,
        validate=data(9), restore_best=True,
    )  # fmt: skip
    quiet(
        oracle, functional.cross_entropy, sgd(oracle), data(), epochs=2, validate=data(9),
        restore_best=True,
    )  # fmt: skip
    assert run.best_weights is not None
    assert list(run.best_weights) == list(oracle.state_dict())
    assert_same(model.state_dict(), oracle.state_dict())


def test_a_model_that_is_wrapped_already_is_saved_under_its_own_names() -> None:
    model = net()
    wrapped = torch.compile(model, backend="eager")
    run = quiet(
        wrapped, functional.cross_entropy, sgd(model), data(), epochs=2, validate=data(9),
        restore_best=True,
    )  # fmt: skip
    assert run.best_weights is not None
    assert list(run.best_weights) == list(model.state_dict())


# --- Lengths ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "window", "iterations", "updates"),
    [
        ("7 updates", 1, 7, 7), ("7 updates", 2, 12, 7), ("11 iterations", 1, 11, 11),
        ("11 iterations", 4, 11, 5), ("1.5 epochs", 1, 8, 8), ("2 epochs", 3, 10, 4),
    ],
)  # fmt: skip
def test_a_run_is_as_long_as_it_was_to_be(
    length: str, window: int, iterations: int, updates: int
) -> None:
    model = net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), length=length, batch_size=16,
        accumulate=window, validate=data(8),
    )  # fmt: skip
    last = run.history[-1]
    assert run.reason == "finished"
    assert (last["iteration"], last["update"]) == (iterations, updates)
    assert "validation_loss" in last
    assert last["when"] == ("epoch" if iterations % 5 == 0 else "end")


def test_a_length_in_updates_is_the_same_training() -> None:
    one, other = net(dropout=0.2), net(dropout=0.2)
    quiet(one, functional.cross_entropy, sgd(one), data(), length="6 updates")
    quiet(other, functional.cross_entropy, sgd(other), data(), epochs=2)
    assert_same(one.state_dict(), other.state_dict())


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, TypeError, "epochs=None"),
        ({"epochs": 2, "length": "3 epochs"}, TypeError, "both say how long.*do: leave one"),
        ({"length": "0.5 run"}, ValueError, "measures the run by itself.*do: length="),
        ({"length": "3 steps"}, ValueError, "a step is one of the five"),
        ({"epochs": 2, "precision": "half"}, ValueError, "precision='half'.*do: choose one of"),
        ({"epochs": 2, "average": 1.5}, ValueError, "average=1.5.*do: average=0.999"),
        ({"epochs": 2, "accumulate": 0}, ValueError, "accumulate=0"),
        ({"epochs": 2, "clip": -1.0}, ValueError, "norm=-1.0"),
        ({"epochs": 2, "validate_every": "3 epochs", "validate": data(4)}, ValueError, "lasts 2"),
    ],
)  # fmt: skip
def test_wrong_options_are_answered(options: Any, error: Any, words: str) -> None:
    model = net()
    with pytest.raises(error, match=f"(?s){words}"):
        quiet(model, functional.cross_entropy, sgd(model), data(), **options)
    assert_nothing_hangs(model, None)


# --- One batch, one update ----------------------------------------------------------------------


def test_one_batch_is_learned_by_heart(capsys: pytest.CaptureFixture[str]) -> None:
    model = net(dropout=0.1)
    run = fit(
        model, functional.cross_entropy, torch.optim.Adam(model.parameters(), lr=0.02), data(),
        epochs=40, batch_size=16, overfit_one_batch=True, progress=False,
    )  # fmt: skip
    assert run.epochs[-1]["validation_loss"] < 0.05 < 0.5 < run.epochs[0]["validation_loss"]
    assert run.history[-1]["iteration"] == 40 * 5
    assert run.findings == []  # it is meant
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("as_loader", [True, False])
@pytest.mark.parametrize("make", [sgd, adamw])
def test_a_dry_run_leaves_no_trace(tmp_path: Path, make: Any, as_loader: bool) -> None:
    model = net(norm=True, dropout=0.2)
    optimizer = make(model)
    schedule = lr_scheduler.StepLR(optimizer, 1, gamma=0.5)
    train: Any = data()
    if as_loader:
        train = DataLoader(TensorDataset(*train), batch_size=16, shuffle=True)
    before = copy.deepcopy([model.state_dict(), optimizer.state_dict(), schedule.state_dict()])
    numbers = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # pyright: ignore
    cut: Any = {} if as_loader else {"batch_size": 16}
    run = fit(
        model, functional.cross_entropy, optimizer, train, epochs=30, accumulate=2, clip=1.0,
        average=0.9, validate=data(20), schedule=schedule, record=tmp_path, restore_best=True,
        seed=None, dry_run=True, progress=False, **cut,
    )  # fmt: skip
    assert "dry run" in run.message
    assert (run.history[-1]["update"], run.history[-1]["iteration"]) == (1, 2)
    assert "validation_loss" in run.history[-1]
    assert_same([model.state_dict(), optimizer.state_dict(), schedule.state_dict()], before)
    assert [p.grad for p in model.parameters()] == [None] * 6
    now = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()  # pyright: ignore
    assert numbers[:2] == now[:2]
    assert torch.equal(numbers[2], now[2])
    assert list(tmp_path.iterdir()) == []
    assert_nothing_hangs(model, optimizer)


def test_a_dry_run_finds_what_would_fail_at_the_first_validation() -> None:
    model = net()
    with pytest.raises(ValueError, match="validate"):
        quiet(
            model, functional.cross_entropy, sgd(model), data(), epochs=3, dry_run=True,
            validate=(torch.zeros(4, 5), torch.zeros(4).long()),
        )  # fmt: skip


# --- Nothing stays behind -----------------------------------------------------------------------


def assert_nothing_hangs(model: nn.Module, optimizer: Any) -> None:
    assert not model._forward_hooks  # pyright: ignore[reportPrivateUsage]
    assert not model._forward_pre_hooks  # pyright: ignore[reportPrivateUsage]
    if optimizer is not None:
        assert not optimizer._optimizer_step_pre_hooks
        assert not optimizer._optimizer_step_post_hooks


EVERYTHING: dict[str, Any] = {
    "accumulate": 2, "clip": 1.0, "precision": "float16", "average": 0.9,
    "schedule": fivestep.linear(warmup="2 updates"), "tf32": True,
}  # fmt: skip


@pytest.mark.parametrize("watch", [True, False])
@pytest.mark.parametrize("fails", [False, True])
def test_nothing_hangs_on_the_users_objects_afterwards(watch: bool, fails: bool) -> None:
    model = net()
    optimizer = sgd(model)
    calls = 0

    def loss(prediction: Tensor, targets: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if fails and calls == 4:
            raise ZeroDivisionError
        return functional.cross_entropy(prediction, targets)

    precision = torch.get_float32_matmul_precision()
    try:
        fit(model, loss, optimizer, data(), epochs=2, progress=False, watch=watch, **EVERYTHING)
    except ZeroDivisionError:
        assert fails
    assert_nothing_hangs(model, optimizer)
    assert torch.get_float32_matmul_precision() == precision
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("left_out", [None, *EVERYTHING])
def test_the_doctor_has_nothing_to_say_of_sound_trainings(left_out: str | None) -> None:
    model = net(norm=True)
    options = {name: option for name, option in EVERYTHING.items() if name != left_out}
    run = fit(
        model, functional.cross_entropy, torch.optim.AdamW(model.parameters(), lr=0.01), data(256),
        epochs=12, batch_size=16, validate=held_out(), progress=False, **options,
    )  # fmt: skip
    assert [finding.rule for finding in run.findings] == []
    assert run.report is not None
    assert "missing-update" in run.report.checked


def held_out() -> tuple[Tensor, Tensor]:
    made = torch.Generator().manual_seed(9)
    x = torch.randn(60, 6, generator=made)
    return x, (x[:, 0] + x[:, 1] * x[:, 2] > 0).long()


def test_a_length_that_ends_with_an_epoch_ends_with_its_record() -> None:
    model = net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), length="10 iterations", batch_size=16
    )
    assert [one["when"] for one in run.history] == ["epoch", "epoch"]


@pytest.mark.parametrize("option", [{"accumulate": 2}, {"clip": 1.0}, {"average": 0.9}])
def test_lbfgs_is_refused_by_what_it_cannot_bear(option: Any) -> None:
    model = net()
    optimizer = torch.optim.LBFGS(model.parameters())
    with pytest.raises((TypeError, ValueError), match=r"LBFGS.*\n  do: "):
        quiet(model, functional.cross_entropy, optimizer, data(), epochs=1, **option)
    assert_nothing_hangs(model, optimizer)


def test_an_lbfgs_update_that_is_undone_is_not_counted() -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=1e30, max_iter=8)
    x = torch.linspace(-1, 1, 8).unsqueeze(1)
    run = quiet(
        model, nn.MSELoss(), optimizer, [(x, 2 * x)] * 4, epochs=1, nonfinite="skip"
    )  # fmt: skip
    assert [one["when"] for one in run.history] == ["nonfinite"] * 4
    assert [one["update"] for one in run.history] == [0] * 4


class Chained(torch.optim.AdamW):
    """As people write them: torch runs the hooks around both steps."""

    def step(self, closure: Any = None) -> Any:  # pyright: ignore
        return super().step(closure)


class Twice(Chained):
    def step(self, closure: Any = None) -> Any:
        return super().step(closure)


@pytest.mark.parametrize("kind", [Chained, Twice])
def test_an_optimizer_that_calls_its_parent_makes_one_update(kind: Any) -> None:
    for each in (torch.optim.AdamW, Chained, Twice):  # from then on torch hooks its step
        each([nn.Parameter(torch.zeros(1))])
    weights: list[Any] = []
    for make in (torch.optim.AdamW, kind):
        model = net()
        optimizer = make(model.parameters(), lr=0.01)
        run = quiet(
            model, functional.cross_entropy, optimizer, data(), epochs=3, accumulate=2, clip=0.05,
            schedule=fivestep.cosine(warmup="2 updates"), average=0.9,
        )  # fmt: skip
        weights.append([model.state_dict(), run.average_weights, run.history[-1]["update"]])
        assert_nothing_hangs(model, optimizer)
    assert_same(weights[0], weights[1])


def test_a_moving_average_needs_no_length_of_the_run() -> None:
    class Stream:
        """Batches of which nobody knows how many there are."""

        def __iter__(self) -> Any:
            x, y = data()
            return iter(list(zip(x.split(10), y.split(10), strict=True)))

    model = net()
    run = quiet(model, functional.cross_entropy, sgd(model), Stream(), epochs=2, average=0.9)
    assert run.average_weights is not None
    with pytest.raises(ValueError, match="how many updates an epoch has is not known"):
        quiet(model, functional.cross_entropy, sgd(model), Stream(), epochs=2, average="equal")


def test_a_dry_run_has_the_schedule_of_the_whole_run() -> None:
    model = net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), epochs=100, batch_size=10,
        schedule=fivestep.cosine(warmup="20 updates"), dry_run=True,
    )  # fmt: skip
    assert run.history[-1]["learning_rate"] == pytest.approx(0.1 / 20)


@pytest.mark.parametrize("interval", [{"log_every": 10}, {"validate_every": 10}])
def test_a_dry_run_counts_with_the_length_of_the_whole_run(interval: dict[str, Any]) -> None:
    model, given = net(), data(320)
    run = quiet(
        model, functional.cross_entropy, sgd(model), given, epochs=3, validate=data(20),
        schedule=fivestep.linear(warmup="0.5 run"), dry_run=True, **interval,
    )  # fmt: skip
    assert run.history[-1]["learning_rate"] == pytest.approx(0.1 / 15)  # of 30 updates, not of 3
    assert "validation_loss" in run.history[-1]


def test_a_dry_run_validates_however_seldom_the_run_would() -> None:
    model = net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), data(), epochs=3, validate=data(20),
        validate_every="2 epochs", metrics=fivestep.accuracy, dry_run=True,
    )  # fmt: skip
    assert run.history[-1]["when"] == "epoch"
    assert {"validation_loss", "validation_accuracy"} <= set(run.history[-1])


class Around:
    """An optimizer of somebody's own, around another one and without a class of torch's."""

    def __init__(self, base: torch.optim.Optimizer) -> None:
        self.base, self.steps = base, np.zeros(1)
        self.param_groups = base.param_groups

    def zero_grad(self, set_to_none: bool = True) -> None:
        self.base.zero_grad(set_to_none)

    def step(self) -> None:
        self.steps += 1
        self.base.step()


@pytest.mark.parametrize("several", [True, False])
def test_a_dry_run_leaves_no_trace_in_an_optimizer_within_another(several: bool) -> None:
    model = net()
    inner = [torch.optim.Adam(model[i].parameters()) for i in (0, 4)]
    own = Around(torch.optim.Adam(model.parameters()))
    given: Any = inner if several else own
    quiet(model, functional.cross_entropy, given, data(), epochs=1)
    held = inner if several else [own.base]
    before = copy.deepcopy([one.state_dict() for one in held]), own.steps.copy()
    quiet(model, functional.cross_entropy, given, data(), epochs=1, dry_run=True)
    assert_same([one.state_dict() for one in held], before[0])
    assert own.steps.tolist() == before[1].tolist()


@pytest.mark.parametrize("options", [{"batch_size": 64}, {"overfit_one_batch": True}])
def test_float16_finds_its_scale_where_an_epoch_is_one_update(options: dict[str, Any]) -> None:
    x, y = data(64)
    model = net()
    run = quiet(
        model, lambda p, t: 100 * functional.cross_entropy(p, t), sgd(model, 1e-4), (x, y),
        epochs=12, precision="float16", **options,
    )  # fmt: skip
    assert run.history[0]["update"] == 0 < run.history[0]["skipped"]  # else this shows nothing
    assert run.reason == "finished"
    assert run.history[-1]["loss"] < run.history[0]["loss"]


@pytest.mark.parametrize("length", [{"epochs": 3}, {"length": "5 updates"}])
def test_float16_ends_where_nothing_counts(length: dict[str, Any]) -> None:
    x, y = data(64)
    model = net()
    with pytest.raises(ValueError, match="no batch held an item that counts"):
        quiet(
            model, functional.cross_entropy, sgd(model), (x, torch.full_like(y, -100)),
            batch_size=16, precision="float16", **length,
        )  # fmt: skip


def test_float16_gives_up_where_no_scale_helps() -> None:
    model = net()

    def broken(prediction: Tensor, targets: Tensor) -> Tensor:
        loss = functional.cross_entropy(prediction, targets)
        return loss + (prediction * 0).sum().sqrt()  # its slope at 0 is inf, its value is 0

    run = quiet(
        model, broken, sgd(model), data(64), epochs=40, batch_size=64, precision="float16"
    )  # fmt: skip
    assert run.reason == "nonfinite"
    assert run.message == "all updates of epoch 16 had to be skipped"  # 2**16 halved to 1


@pytest.mark.parametrize("wanted", ["accumulate=4", "precision='float16'"])
def test_an_optimizer_with_a_window_or_a_scale_of_its_own_is_refused(wanted: str) -> None:
    model = net()
    given: Any = sgd(model)
    if wanted == "accumulate=4":
        given = fivestep.accumulate(given, 4)
    else:
        given = fivestep.precision(model, given, "float16")
    with pytest.raises(TypeError, match=f"do: pass the optimizer inside it, and {wanted}"):
        quiet(model, functional.cross_entropy, given, data(), epochs=1)


def test_one_batch_is_taken_of_what_can_be_gone_through_once() -> None:
    x, y = data()
    model = net()
    run = quiet(
        model, functional.cross_entropy, sgd(model), iter([(x[:16], y[:16])]), epochs=3,
        overfit_one_batch=True,
    )  # fmt: skip
    assert run.reason == "finished"


def test_the_statistics_of_an_average_draw_nothing_of_the_loader_s_order() -> None:
    found: list[list[float]] = []
    for average in (None, 0.9):
        model = net(norm=True)
        order = torch.Generator().manual_seed(5)
        loader = DataLoader(TensorDataset(*data()), batch_size=16, shuffle=True, generator=order)
        run = quiet(
            model, functional.cross_entropy, sgd(model), loader, epochs=3, average=average,
            validate=data(20),
        )  # fmt: skip
        found.append([record["loss"] for record in run.epochs])
    assert found[0] == found[1]


def test_the_statistics_of_an_average_are_computed_once_for_an_update() -> None:
    model, calls = net(norm=True), 0

    def forward(model: Any, batch: Any) -> Any:
        nonlocal calls
        calls += 1
        return model(batch[0])

    def loss_fn(prediction: Tensor, batch: Any) -> Tensor:
        return functional.cross_entropy(prediction, batch[1])

    quiet(
        model, loss_fn, sgd(model), data(64), epochs=2, batch_size=16, average=0.9,
        forward=forward, validate=data(16),
    )  # fmt: skip
    # Of each epoch: 4 batches of training, 4 for the statistics, 1 of validation; and before the
    # first update one of the validation. At the end nothing has moved since the last one.
    assert calls == 1 + 2 * (4 + 4 + 1)


def test_a_schedule_that_moves_with_iterations_is_refused_by_the_name_of_the_option() -> None:
    model = net()
    with pytest.raises(ValueError, match="schedule_every='5 iterations' was given"):
        quiet(
            model, functional.cross_entropy, sgd(model), data(), epochs=2,
            schedule=fivestep.cosine(), schedule_every="5 iterations",
        )  # fmt: skip


@pytest.mark.parametrize(("samples", "every"), [(10, "0.1 epochs"), (25, "0.1 epochs")])
def test_a_schedule_in_parts_of_an_epoch_is_counted_as_it_moves(samples: int, every: str) -> None:
    steps = samples // math.ceil(samples / 10)
    model = net()
    for total in (steps, steps - 1):
        optimizer = sgd(model)
        one = lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=total)

        def go(optimizer: Any = optimizer, one: Any = one) -> None:
            quiet(
                model, functional.cross_entropy, optimizer, data(samples), epochs=1, batch_size=1,
                schedule=one, schedule_every=every,
            )  # fmt: skip

        if total == steps:
            go()
            assert one.last_epoch == steps
        else:
            with pytest.raises(ValueError, match=f"do: total_steps={steps}"):
                go()
