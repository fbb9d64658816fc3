"""``fit`` is watched through its own moments: findings in the run, and not one bit changed."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep import Run, fit, listen
from fivestep.cli import main
from fivestep.finding import Severity
from fivestep.listen import ears
from fivestep.vitals import Forward, Loss, Record, Update
from fivestep.vitals.recording.losses import Losses

HERE = __file__


def _data(rows: int = 96, *, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(rows, 6, generator=generator)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long() * (classes > 2)


def _model(*, dropout: float = 0.2, outputs: int = 3) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, outputs)
    )


def _fit(model: nn.Module | Any, loss_fn: Any, train: Any, **options: Any) -> Run:
    rate, optimizer = options.pop("rate", 0.05), options.pop("optimizer", torch.optim.SGD)
    made = optimizer(model.parameters(), rate)
    options = {"epochs": 3, "batch_size": 16, "progress": False} | options
    if isinstance(train, (DataLoader, list)):
        del options["batch_size"]
    return fit(model, loss_fn, made, train, **options)


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "SGD": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "Adam": torch.optim.Adam,
    "AdamW, fused": lambda p, lr: torch.optim.AdamW(p, lr / 10, fused=True),
    "LBFGS": lambda p, lr: torch.optim.LBFGS(p, lr, max_iter=3),
}


@pytest.mark.parametrize("kind", ["tensors", "loader", "list"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_watching_changes_no_bit_of_weights_history_or_random_numbers(name: str, kind: str) -> None:
    ends: list[Any] = []
    for watch in (False, True):
        x, y = _data()
        train: Any = x, y
        if kind == "loader":
            train = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
        elif kind == "list":
            train = [(x[i : i + 16], y[i : i + 16]) for i in range(0, 96, 16)]
        model = _model()
        torch.manual_seed(5)
        options = {"validate": _data(40), "watch": watch, "optimizer": OPTIMIZERS[name]}
        run = _fit(model, nn.CrossEntropyLoss(), train, epochs=12, **options)
        losses = [(one["loss"], one["validation_loss"]) for one in run.history]
        ends.append((losses, [t.clone() for t in model.state_dict().values()], torch.rand(3)))
        assert (run.report is not None) is watch
        assert not run.report or not run.report.problems
    (losses, weights, drawn), (watched_losses, watched_weights, watched_drawn) = ends
    assert losses == watched_losses
    assert all(torch.equal(a, b) for a, b in zip(weights, watched_weights, strict=True))
    assert torch.equal(drawn, watched_drawn)


def _faults() -> Iterator[tuple[str, str, Callable[[], Run]]]:
    x, y = _data()

    def softmaxed() -> Run:
        model = nn.Sequential(_model(dropout=0.0), nn.Softmax(dim=1))
        return _fit(model, nn.CrossEntropyLoss(), (x, y))

    def nll_of_logits() -> Run:
        return _fit(_model(), F.nll_loss, (x, y))

    def classes_as_numbers() -> Run:
        images, digits = load_digits(return_X_y=True)
        model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
        train = images[:640] / 16, digits[:640].astype("float32")
        return _fit(model, nn.MSELoss(), train, rate=0.01)

    def in_order() -> Run:
        order = torch.argsort(y)
        train = x[order], y[order]
        return _fit(_model(), nn.CrossEntropyLoss(), train, shuffle=False, epochs=8)

    def loader_in_order() -> Run:
        order = torch.argsort(y)
        train = DataLoader(TensorDataset(x[order], y[order]), batch_size=16)
        return _fit(_model(), nn.CrossEntropyLoss(), train, epochs=8)

    def far_too_high() -> Run:
        return _fit(_model(), nn.CrossEntropyLoss(), (x, y), rate=1e4, epochs=20)

    def leaked() -> Run:
        return _fit(_model(), nn.CrossEntropyLoss(), (x, y), validate=(x[:48], y[:48]), epochs=4)

    def by_heart() -> Run:
        generator = torch.Generator().manual_seed(0)
        noise = torch.randint(2, (24,), generator=generator)
        other = torch.randint(2, (64,), generator=generator)
        held_out = torch.randn(64, 6, generator=generator), other
        model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 2))
        train = x[:24], noise
        return _fit(model, nn.CrossEntropyLoss(), train, validate=held_out, epochs=200, rate=0.5)

    yield "probabilities-as-logits", "softmax in the model", softmaxed
    yield "unlogged-probabilities", "logits in nll_loss", nll_of_logits
    yield "regression-on-classes", "one output", classes_as_numbers
    yield "sorted-batches", "shuffle=False", in_order
    yield "sorted-batches", "a loader that does not shuffle", loader_in_order
    yield "huge-update", "rate", far_too_high
    yield "leaked-validation", "rows of the training", leaked
    yield "overfitting", "labels of noise", by_heart


FAULTS = list(_faults())


@pytest.mark.parametrize(("rule", "_", "train"), FAULTS, ids=[f"{r}: {w}" for r, w, _ in FAULTS])
def test_a_fault_is_a_finding_of_the_run(rule: str, _: str, train: Callable[[], Run]) -> None:
    with redirect_stderr(io.StringIO()) as page:
        run = train()
    grave = [one.rule for one in run.findings if one.severity is not Severity.COSTLY]
    assert grave == [rule], page.getvalue()
    site = run.findings[0].site
    assert site is not None
    assert site.file == HERE
    assert rule in page.getvalue()  # said although progress was not wanted


def test_a_best_state_that_is_put_back_is_no_overfitting() -> None:
    generator = torch.Generator().manual_seed(0)
    x, noise = torch.randn(24, 6), torch.randint(2, (24,), generator=generator)
    held_out = torch.randn(64, 6), torch.randint(2, (64,), generator=generator)
    model = nn.Sequential(nn.Linear(6, 64), nn.Tanh(), nn.Linear(64, 2))
    options = {"validate": held_out, "epochs": 200, "rate": 0.5, "restore_best": True}
    run = _fit(model, nn.CrossEntropyLoss(), (x, noise), **options)
    assert not run.findings


def test_the_record_of_a_fit_is_that_of_listening_to_it(tmp_path: Path) -> None:
    x, y = _data()
    train = [(x[i : i + 16], y[i : i + 16]) for i in range(0, 96, 16)]
    options = {"validate": [(x[:20] + 1, y[:20])], "epochs": 10}
    _fit(_model(), nn.CrossEntropyLoss(), train, record=tmp_path / "run.jsonl", **options)
    watched = Record.load(tmp_path / "run.jsonl")
    with listen() as doctor:
        run = _fit(_model(), nn.CrossEntropyLoss(), train, **options)
    assert run.report is None  # one that listens is enough
    heard = doctor.record
    for kind, names in {
        Update: ("ratio", "gradient_norm", "rates", "carried"),
        Loss: ("value", "function", "grad", "training", "same_shape"),
        Forward: ("training", "grad"),
    }.items():
        ours = [[getattr(e, n) for n in names] for _, e in watched.events(kind)]
        theirs = [[getattr(e, n) for n in names] for _, e in heard.events(kind)]
        assert len(ours) >= 32
        assert ours[:32] == theirs[-len(ours) :][:32] or ours[:32] == theirs[:32]
    evaluation, heard_evaluation = watched.evaluation(), heard.evaluation()
    assert evaluation
    assert heard_evaluation
    assert evaluation.values == heard_evaluation.values[-10:]


def test_iterations_that_go_the_short_way_are_counted_and_their_losses_kept(tmp_path: Path) -> None:
    x, y = _data()
    optimizer, written = torch.optim.SGD, list[int]()
    original = Losses.answered

    def counted(self: Any, *about: Any) -> None:
        written.append(1)
        original(self, *about)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Losses, "answered", counted)
        options = {"optimizer": optimizer, "validate": [(x[:20] + 1, y[:20])], "epochs": 200}
        options |= {"record": tmp_path, "log_every": 1, "rate": 0.01}
        run = _fit(_model(), nn.CrossEntropyLoss(), (x, y), **options)
    record = Record.load(tmp_path)
    assert len(written) < 1000  # of 1,200 in training and 200 in validation
    assert sum(one.repeats for one in record.iterations if one.trains) == 1200
    assert record.counts["update"] == record.counts["backward"] == 1200
    assert record.counts["loss"] == 1400
    assert record.loaders[0].batches == 1200
    losses = {one["iteration"]: one["loss"] for one in run.history if one["when"] == "update"}
    series = record.training()
    assert series is not None
    assert series.count == 1200
    for iteration, value in series.points:
        assert value == pytest.approx(losses[iteration], rel=1e-6)
    assert record.optimizers[0].updates == 1200


def test_a_schedule_that_moves_the_rate_is_followed_on_the_short_way(tmp_path: Path) -> None:
    x, y = _data()
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=100, gamma=0.5)
    fit(
        model, nn.CrossEntropyLoss(), optimizer, (x, y), epochs=150, batch_size=16,
        schedule=schedule, schedule_every="update", progress=False, record=tmp_path,
    )  # fmt: skip
    rates = Record.load(tmp_path).optimizers[0].rates
    assert rates == [(1 + 100 * i, 0.1 * 0.5**i) for i in range(9)]


def test_a_run_read_back_has_its_findings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = _data()
    model = nn.Sequential(_model(dropout=0.0), nn.Softmax(dim=1))
    run = _fit(model, nn.CrossEntropyLoss(), (x, y), record=tmp_path)
    assert run.path is not None
    for path in (tmp_path, run.path):
        again = Run.load(path)
        assert again.report is not None
        assert run.report is not None
        assert [one.message for one in again.findings] == [one.message for one in run.findings]
        assert again.findings[0].severity is Severity.WRONG
        assert again.report.checked == run.report.checked
        capsys.readouterr()
        assert main(["check", "--check", str(path)]) == 1
        assert "probabilities-as-logits" in capsys.readouterr().err


def test_a_run_with_a_point_in_its_name_is_found_in_its_directory(tmp_path: Path) -> None:
    run = _fit(_model(), nn.CrossEntropyLoss(), _data(), record=tmp_path / "run.v2.jsonl")
    assert Run.load(tmp_path).path == run.path
    assert Record.load(tmp_path).length == Record.load(tmp_path / "run.v2.jsonl").length == 18


@pytest.mark.parametrize("name", ["diagnose", "recorder.Recorder.finish"])
def test_a_doctor_that_fails_at_the_end_leaves_the_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken on purpose")

    where = f"fivestep.watch.{name}" if name == "diagnose" else f"fivestep.vitals.{name}"
    monkeypatch.setattr(where, broken)
    run = _fit(_model(), nn.CrossEntropyLoss(), _data(), record=tmp_path)
    assert run.reason == "finished"
    assert Run.load(tmp_path).reason == "finished"


def test_watch_false_says_and_keeps_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    x, y = _data()
    model = nn.Sequential(_model(dropout=0.0), nn.Softmax(dim=1))
    run = _fit(model, nn.CrossEntropyLoss(), (x, y), watch=False)
    assert run.report is None
    assert run.findings == []
    assert capsys.readouterr().err == ""


def test_nothing_to_say_is_one_line_and_none_without_progress(
    capsys: pytest.CaptureFixture[str],
) -> None:
    x, y = _data()
    _fit(_model(), nn.CrossEntropyLoss(), (x, y))
    assert capsys.readouterr().err == ""
    _fit(_model(), nn.CrossEntropyLoss(), (x, y), progress=True)
    assert capsys.readouterr().err.splitlines()[-1].startswith("fivestep: nothing to say about 18 ")


def test_a_failure_of_the_watch_ends_only_the_watching(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = _data()
    alone = _fit(_model(), nn.CrossEntropyLoss(), (x, y), watch=False)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken on purpose")

    places = [
        "recording.loading.Loading.batch", "recording.losses.Losses.answered",
        "recording.backwards.Backwards.ends", "recording.updating.Updates.begins",
        "recording.forwards.Forwards.begins", "recorder.Recorder.finish",
    ]  # fmt: skip
    for name in places:
        with monkeypatch.context() as patch:
            patch.setattr(f"fivestep.vitals.{name}", broken)
            run = _fit(_model(), nn.CrossEntropyLoss(), (x, y))
        assert [one["loss"] for one in run.history] == [one["loss"] for one in alone.history]
        assert run.report is not None
        assert any("broken on purpose" in one for one in run.report.problems), name


def test_a_function_for_a_model_and_ctrl_c_and_nan_still_report() -> None:
    weight = torch.zeros(6, 1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], 0.1)
    x, _ = _data()
    y = x @ torch.ones(6, 1)
    run = fit(lambda x: x @ weight, F.mse_loss, optimizer, (x, y), epochs=2, progress=False)
    assert run.report is not None
    assert not run.report.problems
    assert not run.findings

    def interrupted(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 4:
            import signal

            signal.raise_signal(signal.SIGINT)
        return F.cross_entropy(prediction, targets)

    calls: list[int] = []
    run = _fit(_model(), interrupted, _data())
    assert run.reason == "interrupted"
    assert run.report is not None
    assert run.report.iterations == 4


def test_a_loss_that_is_not_finite_is_found() -> None:
    x, y = _data()

    def logarithm(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return -torch.log(prediction[:, 0] - prediction[:, 0].max()).mean() + 0 * targets.sum()

    run = _fit(_model(), logarithm, (x, y))
    assert run.reason == "nonfinite"
    assert [one.rule for one in run.findings] == ["nonfinite-loss"]


def test_fit_installs_no_hook_and_no_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: Any) -> None:
        raise AssertionError("fit must not listen")

    monkeypatch.setattr(ears.Ears, "open", refused)
    model, (x, y) = _model(), _data()
    before = nn.Module.__call__, torch.optim.Optimizer.zero_grad, F.cross_entropy
    seen: list[Any] = []

    def loss_fn(prediction: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        seen.append((nn.Module.__call__, torch.optim.Optimizer.zero_grad, F.cross_entropy))
        return F.cross_entropy(prediction, targets)

    run = _fit(model, loss_fn, (x, y))
    assert run.report is not None
    assert set(seen) == {before}
    for module in model.modules():
        assert not vars(module)["_forward_hooks"]
        assert not vars(module)["_forward_pre_hooks"]


def test_rows_of_numpy_are_watched_too() -> None:
    x, y = _data()
    run = _fit(_model(), nn.CrossEntropyLoss(), (np.asarray(x), np.asarray(y)))
    assert run.report is not None
    assert len(run.report.checked) > 40
