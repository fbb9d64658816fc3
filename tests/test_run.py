"""What a run tells: history, best epoch, why it ended, its table and its picture."""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from fivestep import Run, fit

X = torch.linspace(-1, 1, 12).unsqueeze(1)
Y = 2 * X + 1
PLAIN = {"epoch", "iteration", "update", "loss", "gradient_norm", "learning_rate", "seconds"}


def train_line(loss_fn: Any = None, **options: Any) -> Run:
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    settled: dict[str, Any] = {"epochs": 3, "batch_size": 4, "progress": False}
    return fit(model, loss_fn or nn.MSELoss(), optimizer, (X, Y), **(settled | options))


def worse_each_time() -> Callable[[Any, Any], float]:
    values = iter([0.5, 0.2, 0.7, 0.9, 1.1, 1.3])

    def metric(prediction: Any, targets: Any) -> float:
        return next(values)

    return metric


# History.


def test_a_record_tells_where_it_was_made_and_what_was_measured() -> None:
    run = train_line(validate=(X, Y), log_every=2)
    expected = ["update", "epoch", "update", "update", "epoch", "update", "epoch"]
    assert [r["when"] for r in run.history] == expected
    assert [r["iteration"] for r in run.history] == [2, 3, 4, 6, 6, 8, 9]
    assert all(record.keys() >= PLAIN for record in run.history)
    assert [r["epoch"] for r in run.epochs] == [1, 2, 3]
    assert all("validation_loss" in record for record in run.epochs)
    assert run.seconds >= run.history[-1]["seconds"] > 0


def test_the_loss_of_an_epoch_is_the_mean_over_its_samples() -> None:
    # Batches of 5, 5 and 2: a mean of batch means would weigh the last one too much.
    model, seen = nn.Linear(1, 1), list[tuple[float, int]]()

    def loss_fn(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.mse_loss(prediction, targets)
        seen.append((loss.item(), len(targets)))
        return loss

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    run = fit(model, loss_fn, optimizer, (X, Y), epochs=1, batch_size=5, progress=False)
    assert [count for _, count in seen] == [5, 5, 2]
    expected = sum(loss * count for loss, count in seen) / 12
    assert run.history[-1]["loss"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64], ids=str
)
def test_the_gradient_norm_is_that_of_all_gradients_together(dtype: torch.dtype) -> None:
    weights = [nn.Parameter(torch.randn(shape, dtype=dtype)) for shape in [(3, 2), (5,), ()]]
    unused = nn.Parameter(torch.randn(2))

    def model(inputs: torch.Tensor) -> torch.Tensor:
        return sum((w.abs() ** 3).sum() for w in weights) * inputs.sum()  # pyright: ignore[reportReturnType]

    def loss_fn(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return prediction.float()

    optimizer = torch.optim.SGD([*weights, unused], lr=1e-3)
    run = fit(model, loss_fn, optimizer, (torch.ones(4), torch.ones(4)), epochs=1, progress=False)
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    assert len(gradients) == 3
    wide = torch.complex128 if dtype.is_complex else torch.float64
    expected = torch.cat([g.to(wide).reshape(-1) for g in gradients]).abs().square().sum().sqrt()
    tolerance = 1e-2 if dtype is torch.bfloat16 else 1e-6
    assert run.history[-1]["gradient_norm"] == pytest.approx(float(expected), rel=tolerance)


def test_the_gradient_norm_takes_sparse_gradients_in() -> None:
    model = nn.Sequential(nn.Embedding(7, 3, sparse=True), nn.Flatten(), nn.Linear(6, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    inputs, targets = torch.randint(0, 7, (8, 2)), torch.randn(8, 1)
    data = (inputs, targets)
    run = fit(model, nn.MSELoss(), optimizer, data, epochs=1, batch_size=8, progress=False)
    gradients = [p.grad.to_dense() for p in model.parameters() if p.grad is not None]
    expected = torch.cat([g.double().reshape(-1) for g in gradients]).norm()
    assert run.history[-1]["gradient_norm"] == pytest.approx(float(expected), rel=1e-6)


def test_a_norm_whose_squares_overflow_is_still_a_number() -> None:
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-30)

    def steep(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return prediction.mean() * 1e25

    run = fit(model, steep, optimizer, (X + 2, Y), epochs=1, batch_size=12, progress=False)
    assert run.reason == "finished"
    assert run.history[-1]["gradient_norm"] == pytest.approx(1e25 * math.hypot(2, 1), rel=1e-4)


# The best.


def test_the_best_epoch_is_that_of_the_best_value() -> None:
    metrics = {"gap": worse_each_time()}
    run = train_line(validate=(X, Y), metrics=metrics, monitor="validation_gap", mode="min")
    assert run.best_epoch == 2
    assert run.best is run.history[1]


def test_without_a_validation_there_is_no_best() -> None:
    run = train_line()
    assert run.best is None
    assert run.best_epoch is None
    assert run.best_weights is None


def test_the_best_weights_do_not_fill_the_screen() -> None:
    run = train_line(validate=(X, Y))
    assert run.best_weights is not None
    assert "best_weights" not in repr(run)
    assert "tensor(" not in repr(run)


# Why it ended.


def test_a_finished_run_says_how_many_epochs_and_where_its_record_is(tmp_path: Path) -> None:
    run = train_line(validate=(X, Y), record=tmp_path / "run.jsonl")
    first, second, third = run.summary().splitlines()
    assert first == f"finished after 9 iterations in {run.seconds:.1f} s: all 3 epochs are done"
    assert second == f"best at epoch 3: validation loss {run.history[-1]['validation_loss']:.4g}"
    assert third == f"record: {tmp_path / 'run.jsonl'}"


def test_a_run_out_of_patience_says_since_when() -> None:
    run = train_line(
        validate=(X, Y),
        metrics={"gap": worse_each_time()},
        monitor="validation_gap",
        mode="min",
        patience=2,
        epochs=9,
    )
    assert run.reason == "patience"
    first, second = run.summary().splitlines()
    assert first.startswith("patience after 12 iterations in ")
    assert first.endswith(
        "no better validation_gap than 0.2 of epoch 2 in 2 records; stopped at epoch 4"
    )
    assert second.startswith("best at epoch 2: validation loss ")
    assert second.endswith(", validation gap 0.2")


def test_a_nonfinite_run_names_iteration_and_value() -> None:
    calls = iter(range(100))

    def loss_fn(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.mse_loss(prediction, targets)
        return loss * (math.nan if next(calls) == 4 else 1.0)

    run = train_line(loss_fn)
    assert run.reason == "nonfinite"
    assert "nonfinite after 5 iterations" in run.summary()
    assert "iteration 5 (epoch 2) has loss nan" in run.summary()
    assert math.isnan(run.history[-1]["loss"])


def test_a_failed_run_is_told_by_its_record(tmp_path: Path) -> None:
    calls = iter(range(100))

    def loss_fn(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        if next(calls) == 4:
            raise LookupError("no such word")
        return nn.functional.mse_loss(prediction, targets)

    with pytest.raises(LookupError, match="no such word"):
        train_line(loss_fn, record=tmp_path / "run.jsonl")
    run = Run.load(tmp_path / "run.jsonl")
    assert run.reason == "failed"
    assert run.message == "LookupError: no such word"
    assert run.summary().startswith("failed after 3 iterations in ")


def test_an_unfinished_run_says_so() -> None:
    assert Run().summary() == (
        "unfinished after 0 iterations in 0.0 s: "
        "the record has no end: the process was stopped, or is still running"
    )


# Its table and its picture.


def test_the_history_becomes_a_table() -> None:
    pandas: Any = pytest.importorskip("pandas")
    run = train_line(validate=(X, Y), log_every=2)
    frame = run.to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == len(run.history)
    epochs = frame[frame["when"] == "epoch"]
    assert epochs["validation_loss"].tolist() == [r["validation_loss"] for r in run.epochs]
    assert frame["validation_loss"].isna().sum() == len(run.history) - 3


@pytest.fixture
def pyplot() -> Any:
    matplotlib: Any = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def curves(axis: Any) -> dict[str, tuple[list[float], list[float]]]:
    lines = {line.get_label(): line for line in axis.get_lines()}
    return {name: (list(at.get_xdata()), list(at.get_ydata())) for name, at in lines.items()}


def test_losses_alone_make_one_panel(pyplot: Any) -> None:
    run = train_line(validate=(X, Y))
    axis = run.plot()
    drawn = curves(axis)
    assert set(drawn) == {"loss", "validation loss"}
    assert drawn["loss"] == ([3, 6, 9], [r["loss"] for r in run.history])
    assert drawn["validation loss"] == ([3, 6, 9], [r["validation_loss"] for r in run.history])
    assert axis.get_xlabel() == "iteration"
    assert axis.get_ylabel() == "loss per sample"


def test_metrics_have_a_panel_of_their_own(pyplot: Any, tmp_path: Path) -> None:
    metrics = {"gap": worse_each_time()}
    run = train_line(validate=(X, Y), metrics=metrics, log_every=2, record=tmp_path / "r.jsonl")
    upper, lower = Run.load(tmp_path / "r.jsonl").plot()
    assert set(curves(upper)) == {"loss", "validation loss", "loss of the window"}
    assert curves(lower) == {"validation gap": ([3, 6, 9], [0.5, 0.2, 0.7])}
    assert lower.get_xlabel() == "iteration"
    assert run.history[0]["when"] == "update"


def test_nan_is_a_gap_in_the_picture(pyplot: Any) -> None:
    def metric(prediction: Any, targets: Any) -> float:
        return math.nan

    run = train_line(validate=(X, Y), metrics={"none": metric})
    _, lower = run.plot()
    assert all(map(math.isnan, curves(lower)["validation none"][1]))


def test_a_run_without_records_makes_an_empty_picture(pyplot: Any) -> None:
    assert curves(Run().plot()) == {}


@pytest.mark.parametrize(
    ("method", "package", "extra"),
    [("plot", "matplotlib", "plot"), ("to_pandas", "pandas", "pandas")],
)
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, method: str, package: str, extra: str
) -> None:
    really = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == package:
            raise ImportError(f"No module named {name!r}")
        return really(name, *rest)

    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError) as caught:
        getattr(Run(), method)()
    assert str(caught.value) == (
        f"run.{method}() needs {package}, which is not installed\n"
        f"  do: pip install 'fivestep[{extra}]'"
    )
