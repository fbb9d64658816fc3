"""Validation leaves no trace in the training, and decides what is best and when to stop."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
from by_hand import assert_same
from torch import nn
from torch.nn import functional
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from torchmetrics import classification

from fivestep import Run, evaluate, fit

X = torch.randn(40, 3, generator=torch.Generator().manual_seed(1))
Y = torch.randn(40, 2, generator=torch.Generator().manual_seed(2))
HELD_X = torch.randn(21, 3, generator=torch.Generator().manual_seed(3))
HELD_Y = torch.randn(21, 2, generator=torch.Generator().manual_seed(4))
CLASSES = torch.randint(0, 2, (40,), generator=torch.Generator().manual_seed(5))


class DropsAlways(nn.Module):
    def forward(self, x: Any) -> Any:
        return functional.dropout(x, 0.3, training=True)


def network() -> Any:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), DropsAlways(), nn.Linear(8, 2)
    )


def sgd(model: Any, lr: float = 0.05) -> Any:
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


class Augmented(Dataset[Any]):
    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Any:
        noise = random.random() + np.random.rand() + torch.rand(())
        return self.x[index] + noise.float(), self.y[index]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Any:
        for x, y in zip(HELD_X, HELD_Y, strict=True):
            yield x + torch.rand(()), y


def noisy(prediction: Any, targets: Any) -> float:
    return random.random() + np.random.rand() + torch.rand(()).item()


def loader(x: Any, y: Any, workers: int = 0, **options: Any) -> Any:
    return DataLoader(Augmented(x, y), batch_size=8, shuffle=True, num_workers=workers, **options)


# --- No trace --------------------------------------------------------------------------------

TRAINS: dict[str, Callable[[], Any]] = {
    "memory": lambda: (X, Y),
    "own": lambda: Augmented(X, Y),
    "loader": lambda: loader(X, Y),
    "workers": lambda: loader(X, Y, 1),
}
VALIDATES: dict[str, Callable[[], Any]] = {
    "memory": lambda: (HELD_X, HELD_Y),
    "own": lambda: Augmented(HELD_X, HELD_Y),
    "stream": Stream,
    "loader": lambda: loader(HELD_X, HELD_Y),
    "workers": lambda: loader(HELD_X, HELD_Y, 2),
    "workers that stay": lambda: loader(HELD_X, HELD_Y, 1, persistent_workers=True),
}


def trained(train: Any, **options: Any) -> tuple[Any, Run]:
    model = network()
    optimizer = sgd(model)
    run = fit(model, functional.mse_loss, optimizer, train, epochs=3, progress=False, **options)
    return [dict(model.state_dict()), optimizer.state_dict()], run


@pytest.mark.parametrize("every", [None, 2], ids=["by epoch", "by updates"])
@pytest.mark.parametrize("validate", VALIDATES)
@pytest.mark.parametrize("train", TRAINS)
def test_the_same_bits_with_and_without(train: str, validate: str, every: int | None) -> None:
    if train == "workers" and "workers" in validate and every is not None:
        every = 4  # fewer processes to start
    without, _ = trained(TRAINS[train]())
    watched, run = trained(
        TRAINS[train](), validate=VALIDATES[validate](), validate_every=every, metrics=noisy
    )
    assert_same(watched, without)
    assert sum("validation_loss" in record for record in run.history) >= 3


def test_the_same_bits_without_a_seed() -> None:
    both: list[Any] = []
    watched: Any = {"validate": loader(HELD_X, HELD_Y), "metrics": noisy}
    for options in ({}, watched):
        model = network()
        optimizer = sgd(model)
        torch.manual_seed(1)
        fit(
            model, functional.mse_loss, optimizer, (X, Y), epochs=2, seed=None, progress=False,
            **options,
        )  # fmt: skip
        both.append([dict(model.state_dict()), torch.get_rng_state()])
    assert_same(both[0], both[1])


def test_one_generator_for_both_loaders() -> None:
    """As PyTorch's page on reproducibility has it: the validation must not move it on."""

    def loaders() -> tuple[Any, Any]:
        shared = torch.Generator().manual_seed(0)
        return loader(X, Y, generator=shared), loader(HELD_X, HELD_Y, generator=shared)

    without, _ = trained(loaders()[0])
    train, validate = loaders()
    watched, _ = trained(train, validate=validate)
    assert_same(watched, without)


def test_gradients_are_left_alone() -> None:
    model = network()
    fit(
        model, functional.mse_loss, sgd(model), (X, Y), epochs=1, validate=(HELD_X, HELD_Y),
        batch_size=40, progress=False,
    )  # fmt: skip
    other = network()
    fit(other, functional.mse_loss, sgd(other), (X, Y), epochs=1, batch_size=40, progress=False)
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert_same(one.grad, two.grad)


# --- What is measured ------------------------------------------------------------------------


def plain() -> Any:
    torch.manual_seed(7)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2)
    ).double()


@pytest.mark.parametrize("size", [2, 8, 12, 40])
@pytest.mark.parametrize(
    "loss_fn", [nn.MSELoss(), nn.MSELoss(reduction="sum")], ids=["mean", "sum"]
)
def test_the_record_holds_the_loss_of_the_weights_of_that_moment(loss_fn: Any, size: int) -> None:
    model = plain()
    expected: list[float] = []
    held = HELD_X.double(), HELD_Y.double()

    class Noting:
        """A metric that measures the live model itself, all at once."""

        def __call__(self, prediction: Any, targets: Any) -> float:
            assert not model.training
            loss = loss_fn(model(held[0]), held[1]).item()
            expected.append(loss / len(targets) if loss_fn.reduction == "sum" else loss)
            return 0.0

    run = fit(
        model, loss_fn, sgd(model, 0.01), (X.double(), Y.double()), epochs=3, validate=held,
        metrics=Noting(), batch_size=size, progress=False,
    )  # fmt: skip
    found = [record["validation_loss"] for record in run.history]
    assert found == pytest.approx(expected, rel=1e-12)
    assert evaluate(model, loss_fn, held)["loss"] == pytest.approx(found[-1], rel=1e-12)


def test_every_n_updates_and_not_at_the_epochs_end() -> None:
    _, run = trained((X, Y), validate=(HELD_X, HELD_Y), validate_every=4, batch_size=8)
    where = [(r["when"], r["update"]) for r in run.history if "validation_loss" in r]
    assert where == [("update", 4), ("update", 8), ("update", 12)]
    assert [r["update"] for r in run.epochs] == [5, 10, 15]


def test_every_n_updates_beside_records_of_another_pace() -> None:
    _, run = trained((X, Y), validate=(HELD_X, HELD_Y), validate_every=4, log_every=3, batch_size=8)
    updates = [r for r in run.history if r["when"] == "update"]
    assert [r["update"] for r in updates] == [3, 4, 6, 8, 9, 12, 15]
    assert [r["update"] for r in updates if "validation_loss" in r] == [4, 8, 12]


def test_metrics_of_torchmetrics_are_recorded() -> None:
    model = network()
    collection = torchmetrics.MetricCollection(
        {"acc": classification.MulticlassAccuracy(2), "auroc": classification.MulticlassAUROC(2)}
    )
    run = fit(
        model, nn.CrossEntropyLoss(), sgd(model), (X, CLASSES), epochs=2, validate=(X, CLASSES),
        metrics={"all": collection, "median": lambda p, t: p.median()}, progress=False,
        monitor="validation_acc", mode="max",
    )  # fmt: skip
    names = [name for name in run.history[0] if name.startswith("validation_")]
    assert names == ["validation_loss", "validation_acc", "validation_auroc", "validation_median"]
    assert run.best is not None
    assert run.best["validation_acc"] == max(r["validation_acc"] for r in run.history)


def test_a_metric_that_is_nan_is_recorded_as_nan(tmp_path: Path) -> None:
    _, run = trained(
        (X, Y), validate=(HELD_X, HELD_Y), metrics={"odd": lambda *_: math.nan},
        record=tmp_path / "run.jsonl",
    )  # fmt: skip
    for history in (run.history, Run.load(tmp_path / "run.jsonl").history):
        assert [type(record["validation_odd"]) for record in history] == [float] * 3
        assert all(math.isnan(record["validation_odd"]) for record in history)


# --- The best, and when to stop --------------------------------------------------------------


def scripted(values: list[float], **options: Any) -> tuple[Any, Run, list[Any]]:
    """Train where the validation gives one value after the other, whatever the weights."""
    model: Any = nn.Linear(3, 2)
    left, states = iter(values), list[Any]()
    asked: Any = {"monitor": "validation_value", "mode": "min", "epochs": len(values)} | options

    def metric(prediction: Any, targets: Any) -> float:
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(left)

    run = fit(
        model, functional.mse_loss, sgd(model), (X, Y), validate=(HELD_X, HELD_Y),
        metrics={"value": metric}, progress=False,
        **asked,
    )  # fmt: skip
    return model, run, states


@pytest.mark.parametrize(
    ("values", "options", "epochs", "best"),
    [
        ([5, 4, 3, 2, 1], {"patience": 1}, 5, 5),
        ([5, 4, 4, 2, 1], {"patience": 1}, 3, 2),  # equal is no better
        ([5, 4, 6, 3, 6, 6, 0], {"patience": 2}, 6, 4),
        ([5, 6, 7, 4, 4, 4, 4, 4], {"patience": 3}, 7, 4),
        ([5, 4.5, 4.1, 3.9, 3.8, 3.7], {"patience": 3, "min_delta": 1.0}, 6, 4),
        ([5, 4, 3, 2], {"patience": 1, "min_delta": 1.0}, 2, 1),  # larger than, not as large as
        ([0.1, 0.2, 0.3, 0.2, 0.2], {"patience": 2, "mode": "max"}, 5, 3),
        ([3, 2, 1], {"patience": 1, "mode": "max"}, 2, 1),
        ([math.nan, math.nan, 1, 2, 3], {"patience": 3}, 5, 3),
        ([math.nan, math.nan, math.nan, 1], {"patience": 3}, 3, None),
        ([1, math.nan, math.nan, 0], {"patience": 2}, 3, 1),
        ([math.inf, 5, 6, 7], {"patience": 2}, 4, 2),
        ([5, 6, 7, 8, 9, 4], {}, 6, 6),  # no patience: to the end
    ],
)
@pytest.mark.parametrize("restore", [False, True], ids=["", "restored"])
def test_patience(
    values: list[float], options: dict[str, Any], epochs: int, best: int | None, restore: bool
) -> None:
    model, run, states = scripted(values, restore_best=restore, **options)
    assert len(run.epochs) == epochs
    assert run.best_epoch == best
    assert run.reason == (
        "patience" if epochs < len(values) or _spent(values, options, best) else "finished"
    )
    if best is None:
        assert run.best_weights is None
    else:
        assert_same(dict(run.best_weights or {}), states[best - 1])
    end = best if restore and best is not None else epochs
    assert_same(dict(model.state_dict()), states[end - 1])


def _spent(values: list[float], options: dict[str, Any], best: int | None) -> bool:
    return len(values) - (best or 0) >= options.get("patience", math.inf)


def test_the_message_of_patience_tells_the_numbers() -> None:
    _, run, _ = scripted([5, 4, 6, 7], patience=2)
    assert run.message == (
        "no better validation_value than 4.0 of epoch 2 in 2 records; stopped at epoch 4"
    )


def test_patience_counts_validations_by_updates_too() -> None:
    _, run, _ = scripted([5, 4, 6, 7, 8, 9], patience=2, validate_every=2, batch_size=8, epochs=4)
    assert run.reason == "patience"
    assert run.history[-1]["update"] == 8
    assert run.best is not None
    assert (run.best["when"], run.best["update"]) == ("update", 4)


def test_the_best_weights_are_a_copy_and_can_be_loaded() -> None:
    model, run, states = scripted([1, 2, 3])
    assert run.best_weights is not None
    kept = {name: value.clone() for name, value in run.best_weights.items()}
    live = {value.untyped_storage().data_ptr() for value in model.state_dict().values()}
    assert not live & {v.untyped_storage().data_ptr() for v in run.best_weights.values()}
    assert not any(value.requires_grad for value in run.best_weights.values())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert_same(dict(run.best_weights), kept)
    fresh = nn.Linear(3, 2)
    fresh.load_state_dict(run.best_weights)
    assert_same(dict(fresh.state_dict()), states[0])


class Counts(nn.Module):
    """Keeps state that is no tensor, in its state_dict."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.seen = nn.Linear(3, 2), [0]

    def forward(self, x: Any) -> Any:
        self.seen[0] += 1
        return self.layer(x)

    def get_extra_state(self) -> Any:
        return self.seen

    def set_extra_state(self, state: Any) -> None:
        self.seen = state


def test_state_that_is_no_tensor_is_copied_too() -> None:
    model = Counts()
    values = iter([1.0, 2.0, 3.0])
    run = fit(
        model, functional.mse_loss, sgd(model), (X, Y), epochs=3, validate=(HELD_X, HELD_Y),
        metrics={"v": lambda *_: next(values)}, monitor="validation_v", mode="min", progress=False,
    )  # fmt: skip
    assert run.best_weights is not None
    assert run.best_weights["_extra_state"] == [4]  # the rehearsal, two batches, the validation
    assert model.seen == [10]


def test_nothing_is_kept_where_it_is_not_wanted() -> None:
    _, run, _ = scripted([2, 1, 3], keep_best=False)
    assert run.best_weights is None
    assert run.best_epoch == 2
    _, run = trained((X, Y))
    assert run.best is run.best_weights is None


def test_the_best_by_the_trainings_own_loss() -> None:
    model = plain()
    run = fit(
        model, functional.mse_loss, sgd(model), (X.double(), Y.double()), epochs=6, monitor="loss",
        log_every=2, progress=False,
    )  # fmt: skip
    losses = [record["loss"] for record in run.epochs]
    assert run.best is not None
    assert run.best_epoch == 1 + losses.index(min(losses))
    assert run.best["when"] == "epoch"


def test_restored_when_an_exception_ends_it() -> None:
    model: Any = nn.Linear(3, 2)
    values, states = iter([2.0, 1.0]), list[Any]()

    def metric(prediction: Any, targets: Any) -> float:
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(values)

    with pytest.raises(StopIteration):
        fit(
            model, functional.mse_loss, sgd(model), (X, Y), epochs=5, validate=(X, Y),
            metrics={"v": metric}, monitor="validation_v", mode="min", restore_best=True,
            progress=False,
        )  # fmt: skip
    assert_same(dict(model.state_dict()), states[1])


# --- Schedules that follow the validation ----------------------------------------------------


@pytest.mark.parametrize("every", [None, 3], ids=["by epoch", "by updates"])
def test_a_plateau_schedule_follows_the_monitored_value(every: int | None) -> None:
    values = [5.0, 4.0, 4.0, 4.0, 3.0, 3.0, 3.0]
    by_hand = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = lr_scheduler.ReduceLROnPlateau(by_hand, patience=1, factor=0.5)
    expected = list[float]()
    for value in values:
        expected.append(by_hand.param_groups[0]["lr"])
        schedule.step(value)
    model, left = nn.Linear(3, 2), iter(values)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = fit(
        model, functional.mse_loss, optimizer, (X, Y), epochs=7, validate=(X, Y), batch_size=16,
        metrics={"v": lambda *_: next(left)}, monitor="validation_v", mode="min", progress=False,
        schedule=lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5),
        validate_every=every,
    )  # fmt: skip
    measured = [r for r in run.history if "validation_v" in r]
    assert [r["validation_v"] for r in measured] == values
    assert [r["learning_rate"] for r in measured] == expected
    assert optimizer.param_groups[0]["lr"] == by_hand.param_groups[0]["lr"] == 0.1 / 4


def test_a_plateau_schedule_on_the_validation_loss_by_default() -> None:
    model = network()
    optimizer = sgd(model)
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer)
    run = fit(
        model, functional.mse_loss, optimizer, (X, Y), epochs=4, validate=(HELD_X, HELD_Y),
        schedule=schedule, schedule_every="update", progress=False,
    )  # fmt: skip
    assert schedule.last_epoch == 4
    assert schedule.best == min(record["validation_loss"] for record in run.history)


def test_the_data_of_the_validation_is_left_as_it_was() -> None:
    class InPlace(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: Any) -> Any:
            return self.layer(x.mul_(0.5))

    x, held = X.clone(), HELD_X.clone()
    model = InPlace()
    fit(
        model, functional.mse_loss, sgd(model), (x, Y), epochs=2, validate=(held, HELD_Y),
        shuffle=False, progress=False,
    )  # fmt: skip
    assert_same(x, X)
    assert_same(held, HELD_X)


def test_a_tensor_dataset_and_its_tensors_validate_alike() -> None:
    one, two = (
        trained((X, Y), validate=data)[1].history[-1]["validation_loss"]
        for data in ((HELD_X, HELD_Y), TensorDataset(HELD_X, HELD_Y))
    )
    assert one == two


def test_the_time_of_a_validation_is_not_the_training_s(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.001
        return now

    def slow(prediction: Any, targets: Any) -> float:
        nonlocal now
        now += 100.0
        return 0.0

    monkeypatch.setattr("fivestep.course.time.perf_counter", clock)
    model = nn.Linear(3, 1)
    x = torch.randn(64, 3)
    run = fit(
        model, nn.MSELoss(), torch.optim.SGD(model.parameters(), lr=0.01), (x, x[:, :1]), epochs=4,
        batch_size=16, validate=(x, x[:, :1]), metrics={"slow": slow}, log_every=3, progress=False,
        watch=False,
    )  # fmt: skip
    speeds = [record["samples_per_second"] for record in run.history]
    assert {record["when"] for record in run.history} == {"update", "epoch"}
    assert min(speeds) > 100  # 64 samples in a hundred seconds are none a second
