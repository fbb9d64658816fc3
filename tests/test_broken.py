"""Loops with a fault: the doctor names it, and the change that it names is the cure."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

import fivestep
from fivestep.cli import BROKEN, main
from fivestep.listen.script import run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "examples" / "broken"


def diagnosed(path: Path) -> fivestep.Diagnosis:
    torch.set_num_threads(1)
    doctor = fivestep.listen()
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch sees some of these faults, too
        outcome = run(doctor, str(path), [], module=False)
    assert outcome.error is None or isinstance(outcome.error, RuntimeError)
    return doctor.report()


@cache
def sick(name: str) -> fivestep.Diagnosis:
    return diagnosed(FOLDER / f"{name}.py")


# By script: the rule, what its fix says, and just that change made, as (old, new).
CURES: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "forgotten_zero_grad": (
        "stale-gradient",
        "put `opt.zero_grad()` before this backward",
        [("        loss.backward()\n", "        opt.zero_grad()\n        loss.backward()\n")],
    ),
    "squared_error_for_classes": (
        "regression-on-classes",
        "end the model in 10 outputs and use `F.cross_entropy(output, target.long())`",
        [
            ("nn.Linear(64, 1)", "nn.Linear(64, 10)"),
            (
                "loss_fn(output.squeeze(1), target.float())",
                "nn.functional.cross_entropy(output, target.long())",
            ),
        ],
    ),
    "rate_too_high": (
        "huge-update",
        "SGD(model.parameters(), lr=0.05)` in line 18",
        [("lr=0.5", "lr=0.05")],
    ),
    "rate_too_low": ("tiny-update", "lr=0.1", [("lr=1e-6", "lr=0.1")]),
    "column_against_row": (
        "broadcast-loss",
        "`loss = loss_fn(y_pred, y.unsqueeze(1))`",
        [("loss = loss_fn(y_pred, y)", "loss = loss_fn(y_pred, y.unsqueeze(1))")],
    ),
    "train_mode_forgotten": (
        "eval-mode-training",
        "call `model.train()` before the first batch of every epoch",
        [
            (
                "    for xb, yb in train_loader:\n",
                "    model.train()\n    for xb, yb in train_loader:\n",
            )
        ],
    ),
    "eval_mode_forgotten": (
        "train-mode-evaluation",
        "call `model.eval()` before this line and `model.train()` before training goes on",
        [
            ("        accuracy =", "        model.eval()\n        accuracy ="),
            (
                "    for xb, yb in train_loader:\n",
                "    model.train()\n    for xb, yb in train_loader:\n",
            ),
        ],
    ),
    "gradients_off": (
        "gradless-training",
        "take this forward out of `with torch.no_grad():`",
        [("with torch.no_grad():", "if True:")],
    ),
    "loss_becomes_nan": (
        "nonfinite-loss",
        "add a small number to what it takes: `x + 1e-8`",
        [("torch.log(p)", "torch.log(p + 1e-8)"), ("torch.log(1 - p)", "torch.log(1 - p + 1e-8)")],
    ),
    "barely_moves": (
        "vanishing-gradient",
        "use ReLU with `nn.init.kaiming_normal_`",
        [
            ("nn.Sigmoid()", "nn.ReLU()"),
            (
                "loss_fn = ",
                "for p in model.parameters():\n"
                "    nn.init.kaiming_normal_(p) if p.dim() > 1 else nn.init.zeros_(p)\nloss_fn = ",
            ),
        ],
    ),
    "zigzag": (
        "zigzag-loss",
        "SGD(model.parameters(), lr=0.025)` in line 16; or a schedule",
        [("lr=0.25", "lr=0.025")],
    ),
    "overfitting": (
        "overfitting",
        "keep a copy of the weights",
        [
            ("for epoch in range(60):", "best, since = 9.0, 0\nfor epoch in range(60):"),
            (
                "    if epoch % 10 == 0:",
                "    best, since = (val, 0) if val < best else (best, since + 1)\n"
                "    if since == 5:\n        break\n    if epoch % 10 == 0:",
            ),
        ],
    ),
}


def test_every_script_is_listed_and_has_its_cure() -> None:
    scripts = sorted(path.stem for path in FOLDER.glob("*.py"))
    assert scripts == sorted(BROKEN) == sorted(CURES)


@pytest.mark.parametrize("name", CURES)
def test_it_is_short_and_plain(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert text.isascii()
    assert text.startswith('"""')
    assert 20 <= len(text.splitlines()) <= 40
    assert "fivestep" not in text  # as somebody writes who has never heard of us


@pytest.mark.parametrize("name", CURES)
def test_the_fault_is_the_one_finding(name: str) -> None:
    rule, fix, _ = CURES[name]
    (finding,) = sick(name).findings
    assert finding.rule == rule
    assert fix in finding.fix
    assert finding.site is not None


@pytest.mark.parametrize("name", CURES)
def test_the_change_that_it_names_is_the_cure(name: str, tmp_path: Path) -> None:
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    for old, new in CURES[name][2]:
        assert old in text
        text = text.replace(old, new)
    mended = tmp_path / f"{name}.py"
    mended.write_text(text, encoding="utf-8")
    report = diagnosed(mended)
    assert report.findings == [], str(report)
    assert report.ended == ""


def maker() -> Any:
    path = ROOT / "docs" / "make_broken.py"
    spec = importlib.util.spec_from_file_location("make_broken", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?|nan|inf)%?(?![\w(])")


def shape(page: str) -> list[str]:
    """The lines of a page; what is counted and measured may differ from machine to machine."""
    return [line if _is_fixed(line) else NUMBER.sub("#", line) for line in page.splitlines()]


def _is_fixed(line: str) -> bool:
    """A rule and its place, or a line of source."""
    return bool(re.match(r"(wrong|suspicious|costly)  |  [> ] +\d+ \| ", line))


def test_the_page_in_the_docs_is_what_the_doctor_says_now() -> None:
    written = (ROOT / "docs" / "broken.md").read_text(encoding="utf-8")
    assert shape(written) == shape(maker().page())


def test_a_page_that_is_stale_is_seen() -> None:
    page = "wrong  a-b (FS101)  x.py:3\n  >     3 | x = 1\n  loss 0.25 at 1e-08, nan, 90%\n"
    assert shape(page)[-1] == "  loss # at #, #, #"
    assert shape(page) == shape(page.replace("0.25", "12"))
    for old, new in (("x.py:3", "x.py:4"), ("x = 1", "x = 2"), ("loss", "rate"), ("101", "102")):
        assert shape(page) != shape(page.replace(old, new))


def test_a_broken_demo_runs_under_the_doctor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "gradients_off"]) == 1  # as the script ends by itself
    said = capsys.readouterr().err
    assert "gradless-training (FS103)" in said
    assert "gradients_off.py:21" in said
