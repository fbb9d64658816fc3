"""The plain loop of a run does to the bit what the run did, for every option, and reads well."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from by_hand import assert_same
from ejecting import (
    Case,
    Noisy,
    Twin,
    Unsized,
    adam,
    assert_equal,
    both,
    by_fit,
    by_text,
    check,
    loader,
    losses,
    quiet_loader,
    samples,
    several,
    sgd,
    small,
    written,
)  # fmt: skip
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import OneCycleLR, ReduceLROnPlateau, StepLR

from fivestep import facts
from fivestep.attach.schedule import constant, cosine, linear
from fivestep.cli import main
from fivestep.eject.words import DEFAULTS
from fivestep.evaluate import accuracy
from fivestep.fit import fit
from fivestep.run import Run

ROOT = Path(__file__).resolve().parents[1]

torch.set_num_threads(1)

held_out = partial(samples, 10, 5)
dataset = Noisy


def wide_targets() -> tuple[Tensor, Tensor]:
    x, y = samples(20)
    return x, torch.stack((y, y), dim=1)


class Mean:
    """A metric that is updated batch by batch."""

    def reset(self) -> None:
        self.total, self.count = 0.0, 0

    def update(self, prediction: Tensor, targets: Tensor) -> None:
        self.total += prediction.sum().item()
        self.count += len(targets)

    def compute(self) -> float:
        return self.total / self.count


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


def alone(prediction: Tensor, targets: Tensor) -> dict[str, Tensor]:
    return {"loss": functional.cross_entropy(prediction, targets)}


def quoted_terms(prediction: Tensor, targets: Tensor) -> dict[str, Any]:
    first, second = functional.cross_entropy(prediction, targets), prediction.square().mean()
    return {"loss": first + 0.1 * second, "it's": first, 'the "size"': second.detach(), "é\\n": 1}


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


def ones_of(batch: Any) -> Tensor:
    return (batch[1] == 1).sum()


def rows_of(batch: Any) -> int:
    return len(batch[1])


def nan_after(count: int) -> tuple[Tensor, Tensor]:
    x, y = samples()
    x[count] = float("inf")
    return x, y


def frozen_norm() -> nn.Module:
    model = small()
    model[1].eval()
    return model


def half_of_it(model: nn.Module) -> Any:
    return torch.optim.SGD([{"params": model[4].parameters()}, {"params": model[0].weight}], lr=0.1)  # pyright: ignore


def frozen_norm_and_another() -> nn.Module:
    model = small()
    model.append(nn.BatchNorm1d(3))
    model[1].eval()
    return model


class PairInTuple(nn.Module):
    """Takes a nest."""

    def __init__(self) -> None:
        super().__init__()
        self.body = small()

    def forward(self, nest: Any) -> Tensor:
        return self.body(nest["x"])


def nested() -> Any:
    x, y = samples()
    return ({"x": x},), y


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
    "float16, one update an epoch": Case(
        {**BASE, "batch_size": 22, "epochs": 9, "precision": "float16"},
        optimizer=sgd,
        loss_fn=lambda: steep,
    ),
    "float16, one update an epoch, weighed": Case(
        {**BASE, "batch_size": 22, "epochs": 9, "precision": "float16"},
        optimizer=sgd,
        loss_fn=lambda: nn.CrossEntropyLoss(weight=torch.tensor([30.0, 60.0, 90.0])),
    ),
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
    "two metrics": Case(
        {**BASE, "metrics": {"mean": Mean(), "top": accuracy}}, validate=quiet_loader
    ),
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
        {**BASE, "accumulate": 3, "items": ones_of}, validate=held_out
    ),
    "terms": Case({**BASE, "accumulate": 2}, loss_fn=lambda: terms, validate=held_out),
    "a single term": Case(BASE, loss_fn=lambda: alone, validate=held_out),
    "a single term in windows": Case({**BASE, "accumulate": 2}, loss_fn=lambda: alone),
    "a single term, lbfgs": Case(
        {**BASE, "batch_size": 22}, partial(small, dropout=0.0),
        lambda m: torch.optim.LBFGS(m.parameters(), lr=0.1), loss_fn=lambda: alone,
    ),
    "quoted names": Case(
        {**BASE, "metrics": {"mean's": Mean(), 'the "top"': accuracy}},
        loss_fn=lambda: quoted_terms, validate=held_out,
    ),
    "a quoted monitor": Case(
        {**BASE, "epochs": 6, "metrics": {"it's": Mean(), '"""top"""\\': accuracy},
         "monitor": 'validation_"""top"""\\', "mode": "max", "patience": 2},
        validate=held_out,
    ),
    "forward": Case(
        {**BASE, "forward": on_batch}, loss_fn=lambda: batch_loss, validate=held_out
    ),
    "forward in bfloat16": Case(
        {**BASE, "forward": on_batch, "precision": "bfloat16"}, loss_fn=lambda: batch_loss,
    ),
    "forward of a loader": Case(
        {"epochs": 2, "forward": on_batch, "items": rows_of},
        loss_fn=lambda: batch_loss, train=loader,
    ),
    "two inputs": Case(BASE, TwoInputs, train=two_inputs, validate=two_inputs),
    "named inputs": Case({**BASE, "precision": "bfloat16"}, TwoInputs, train=named_inputs),
    "lbfgs": Case(
        {**BASE, "batch_size": 22}, partial(small, dropout=0.0),
        lambda m: torch.optim.LBFGS(m.parameters(), lr=0.1),
    ),
    "skipped in windows": Case(
        {**BASE, "nonfinite": "skip", "accumulate": 2, "batch_size": 5},
        train=partial(nan_after, 6),
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


# --- Products of the options ----------------------------------------------------------------------


def steep(prediction: Tensor, targets: Tensor) -> Tensor:
    """A loss whose gradient overflows in float16 until the scale has come down."""
    return 30 * functional.cross_entropy(prediction, targets)


TRAIN = {"pair": samples, "dataset": dataset, "loader": loader, "list": None}
SCHEDULES = {"none": None, "cosine": cosine(warmup="3 updates", lowest=0.05), "linear": linear()}
VALIDATIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "patience": {"patience": 1, "restore_best": True},
    "by update": {"validate_every": 2, "patience": 2},
    "by parts": {"validate_every": "0.35 run"},
}


@settings(max_examples=40, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    count=st.integers(9, 24),
    size=st.integers(2, 7),
    window=st.integers(1, 5),
    clip=st.sampled_from([None, 0.05]),
    precision=st.sampled_from(["float32", "bfloat16", "float16"]),
    average=st.sampled_from([None, 0.8, "equal"]),
    schedule=st.sampled_from(list(SCHEDULES)),
    validation=st.sampled_from(list(VALIDATIONS)),
    train=st.sampled_from(list(TRAIN)),
    optimizer=st.sampled_from([adam, sgd, several]),
    length=st.sampled_from([{"epochs": 3}, {"length": "5 updates"}, {"length": "2.5 epochs"}]),
    loss=st.sampled_from([nn.CrossEntropyLoss(), steep]),
    nonfinite=st.sampled_from(["stop", "raise"]),
)
def test_any_mixture_of_options(
    count: int, size: int, window: int, clip: Any, precision: str, average: Any, schedule: str,
    validation: str, train: str, optimizer: Any, length: Any, loss: Any, nonfinite: str,
) -> None:  # fmt: skip
    assume(count % size != 1)
    cut: dict[str, Any] = {} if train in ("loader", "list") else {"batch_size": size}
    made = {
        "pair": partial(samples, count),
        "dataset": partial(dataset, count),
        "loader": partial(loader, count, size),
        "list": partial(a_list, count, size),
    }[train]
    options = {
        **length, **cut, **VALIDATIONS[validation], "accumulate": window, "clip": clip,
        "precision": precision, "average": average, "schedule": SCHEDULES[schedule],
        "nonfinite": nonfinite,
    }  # fmt: skip
    text = check(
        Case(
            options,
            optimizer=optimizer,
            loss_fn=lambda: loss,
            train=made,
            validate=None if validation == "none" else held_out,
        )
    )
    compile(text, "ejected.py", "exec")


def a_list(count: int, size: int) -> list[Any]:
    x, y = samples(count)
    return list(zip(x.split(size), y.split(size), strict=True))


def test_an_overflow_is_one_for_all() -> None:
    first, second, text = both(
        Case(
            {**BASE, "precision": "float16", "schedule": cosine(), "average": 0.9, "clip": 1.0},
            optimizer=several,
            loss_fn=lambda: steep,
        )
    )
    assert first.run is not None
    assert first.run.history[-1]["skipped"] > 0
    assert_equal(first, second)
    assert_style(text)


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_model() -> None:
    """The second would get another program in a process that has compiled the first."""
    case = Case({**BASE, "compile": True, "epochs": 2}, partial(small, dropout=0.0))
    torch.compiler.reset()
    first = by_fit(case)
    torch.compiler.reset()
    text = written(first)
    assert "compiled(inputs)" in text
    assert_equal(first, by_text(case, text))
    assert_style(text)


# --- Wrong variants are seen ----------------------------------------------------------------------

WINDOWS = {**BASE, "accumulate": 4}
RESTORED = {**BASE, "epochs": 6, "restore_best": True, "patience": 1}
WRONG: dict[str, tuple[Case, list[tuple[str, str]]]] = {
    "no clip": (TABLE["clip"], [("nn.utils.clip_grad_norm_(parameters, CLIP)", "pass")]),
    "warm-up off by one": (TABLE["cosine"], [("(update + 1) / WARMUP", "update / WARMUP")]),
    "one update too many": (
        TABLE["cosine"],
        [("LambdaLR(optimizer, factor)", "LambdaLR(optimizer, lambda k: factor(k + 1))")],
    ),
    "mean of means": (
        Case(WINDOWS),
        [("parameter.grad * items", "parameter.grad"), ("gradient / window_items", "gradient / 4")],
    ),
    "last window dropped": (Case(WINDOWS), [(" and number < batch_count", "")]),
    "epochs from 0": (TABLE["plain"], [("range(1, EPOCHS + 1)", "range(EPOCHS)")]),
    "not seeded": (TABLE["plain"], [("torch.manual_seed(SEED)", "torch.manual_seed(SEED + 1)")]),
    "dropout in the validation": (TABLE["validated"], [("model.eval()", "pass")]),
    "eval mode forgotten": (
        TABLE["validated"], [("    model.train()\n    return", "    return")]
    ),
    "mean of batch means": (
        TABLE["validated"], [("total += loss.item() * len(targets)", "total += loss.item() * 4")]
    ),
    "random numbers used up": (
        TABLE["validation in a dataset"], [(", torch.random.fork_rng(devices=[])", "")]
    ),
    "best by reference": (Case(RESTORED, validate=held_out), [("deepcopy(", "dict(")]),
    "patience off by one": (
        Case(RESTORED, validate=held_out), [("misses >= PATIENCE", "misses > PATIENCE")]
    ),
    "statistics not renewed": (
        TABLE["ema, validated"], [("update_bn(batches(train_data, 1), averaged)", "pass")]
    ),
    "average behind": (TABLE["swa"], [("AVERAGE_START = ", "AVERAGE_START = 1 + ")]),
    "a schedule that never stands still": (
        Case({**BASE, "precision": "float16", "schedule": cosine()}, loss_fn=lambda: steep),
        [("            if not finite:\n                continue\n", "")],
    ),
    "not in 16 bits": (
        TABLE["bfloat16"], [("torch.autocast(", "torch.autocast(enabled=False, device_type=")]
    ),
    "buffers left": (TABLE["stopped"], [("buffer.copy_(before)", "pass")]),
    "samples for tokens": (TABLE["tokens"], [("int((targets != -100).sum())", "len(targets)")]),
    "no weights": (
        TABLE["weights"],
        [("loss_fn.weight[targets].sum(dtype=torch.float64).item()", "len(targets)")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variant_is_seen(name: str) -> None:
    case, changes = WRONG[name]
    first = by_fit(case)
    text = written(first)
    assert_equal(first, by_text(case, text))
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    with pytest.raises((AssertionError, UserWarning)):  # torch warns of a schedule ahead of time
        assert_equal(first, by_text(case, text))


# --- As a file ------------------------------------------------------------------------------------

DRIVER = """
import sys

sys.modules["fivestep"] = None  # as where it is not installed
sys.path[:0] = sys.argv[1:2]
import torch

import loop

torch.set_num_threads(1)
model, optimizers, arguments = torch.load(sys.argv[2], weights_only=False)
history = loop.train(model, *arguments)
torch.save((model.state_dict(), [one.state_dict() for one in optimizers], history), sys.argv[3])
"""


@pytest.mark.parametrize("name", ["plain", "cosine", "restored", "float16, accumulated"])
def test_it_runs_where_fivestep_is_not(name: str, tmp_path: Path) -> None:
    case = TABLE[name]
    first = by_fit(replace(case, options={**case.options, "record": tmp_path / "run.jsonl"}))
    assert first.run is not None
    assert main(["eject", str(tmp_path / "run.jsonl"), "-o", str(tmp_path / "loop.py")]) == 0
    text = (tmp_path / "loop.py").read_text(encoding="utf-8")
    assert text == first.run.source() == Run.load(tmp_path).source()
    assert "fivestep" not in {node.name for node in names_of(text)}

    other = Twin(case)
    arguments = [other.loss_fn, other.optimizer, other.train]
    arguments += [] if other.validate is None else [other.validate]
    torch.save((other.model, other.optimizers, arguments), tmp_path / "given")
    command = [sys.executable, "-W", "error", "-c", DRIVER]
    paths = [str(tmp_path), str(tmp_path / "given"), str(tmp_path / "found")]
    done = subprocess.run(
        [*command, *paths], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    weights, states, history = torch.load(tmp_path / "found", weights_only=False)
    history = history[0] if isinstance(history, tuple) else history
    assert_same((dict(weights), states), first.state)
    assert history == losses(first.run)


def names_of(text: str) -> list[ast.alias]:
    found = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.Import, ast.ImportFrom))]
    return [alias for node in found for alias in node.names]


def test_the_verb_writes_over_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "run.jsonl"
    first = by_fit(replace(TABLE["plain"], options={**BASE, "record": record}))
    assert main(["eject", str(record)]) == 0
    assert first.run is not None
    assert capsys.readouterr().out == first.run.source()
    assert main(["eject", str(record), "-o", str(record)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["eject", str(tmp_path / "none.jsonl")]) == 2


class Breaks:
    """A loss with terms that fails in its third batch, before anything is recorded."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, prediction: Tensor, targets: Tensor) -> dict[str, Any]:
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("broken")
        return terms(prediction, targets)


def test_a_record_without_an_end_knows_what_the_loss_answered(tmp_path: Path) -> None:
    whole = by_fit(Case(BASE, loss_fn=lambda: terms)).run
    broken = Case({**BASE, "record": tmp_path / "broken.jsonl"}, loss_fn=Breaks)
    with pytest.raises(RuntimeError, match="broken"):
        by_fit(broken)
    found = Run.load(tmp_path / "broken.jsonl")
    assert whole is not None
    assert found.setup["loop"]["terms"] == whole.setup["loop"]["terms"] == ["first", "second"]
    assert 'loss = terms["loss"]' in found.source()


def test_a_killed_record_knows_what_the_loss_answered(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    by_fit(Case({**BASE, "record": path}, loss_fn=lambda: terms))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert 'loss = terms["loss"]' in Run.load(path).source()


# --- What cannot be written -----------------------------------------------------------------------

REFUSED = {
    "dry run": (Case({**BASE, "dry_run": True}), "dry run"),
    "one batch": (Case({**BASE, "overfit_one_batch": True}), "one batch"),
    "nests": (Case(BASE, PairInTuple, train=nested), "one level"),
    "average by forward": (
        Case({**BASE, "average": 0.9, "forward": on_batch}, loss_fn=lambda: batch_loss),
        "average",
    ),
    "average of a frozen norm": (Case({**BASE, "average": 0.9}, frozen_norm_and_another), "frozen"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_said(name: str) -> None:
    case, words = REFUSED[name]
    with pytest.raises(ValueError, match=words) as refusal:
        written(by_fit(case))
    assert "\n  do: " in str(refusal.value)


def test_an_old_record_is_said() -> None:
    with pytest.raises(ValueError, match="older"):
        Run(setup={"options": {}}).source()


def test_the_defaults_are_those_of_fit() -> None:
    parameters = inspect.signature(fit).parameters
    assert {name: parameters[name].default for name in DEFAULTS} == DEFAULTS


def test_many_targets_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then any of them may be one that the loss ignores, and the text counts those that are not."""
    assert "!= -100" not in check(TABLE["plain"])
    monkeypatch.setattr(facts, "LOOKED_AT", 22)
    assert "!= -100" not in check(TABLE["plain"])
    monkeypatch.setattr(facts, "LOOKED_AT", 21)
    text = check(TABLE["plain"])
    assert "items = int((targets != -100).sum())" in text
    assert_style(text)


def test_differences_are_told() -> None:
    first = by_fit(TABLE["no seed"])
    assert "no two runs are alike" in written(first)
    assert "Otherwise" not in written(by_fit(TABLE["plain"]))
    skipping = Case({**WINDOWS, "nonfinite": "skip"}, train=partial(nan_after, 6))
    assert "to rounding" in written(by_fit(skipping))


def test_the_page_shows_what_is_written() -> None:
    """docs/eject.md is what docs/make_eject.py writes, but for the versions."""
    page = (ROOT / "docs" / "eject.md").read_text(encoding="utf-8")
    made = runpy.run_path(str(ROOT / "docs" / "make_eject.py"))["page"]()
    assert bare(page) == bare(made)


def bare(page: str) -> str:
    return re.sub(r"Written\s+by\s+fivestep.*?with\s+torch\s+\S+", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["ema, validated", "float16", "named inputs", "loader", "forward"])
def test_the_text_for_an_accelerator_has_style(name: str) -> None:
    run = by_fit(TABLE[name]).run
    assert run is not None
    run.setup["loop"]["model"]["device"] = "cuda:0"
    text = run.source()
    assert_style(text)
    assert ".to(device, non_blocking=True)" in text
    compile(text, "ejected.py", "exec")
