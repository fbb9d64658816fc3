"""The traps' truths are true, every mistake is told from them, and the libraries' files run."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]
PEERS = ("with_lightning", "with_accelerate", "with_trainer", "with_ignite", "with_skorch")


def module(name: str) -> Any:
    """A module of the traps, which lie beside the package and not in it."""
    sys.path.insert(0, str(ROOT))
    try:
        return import_module(f"benchmarks.traps.{name}")
    finally:
        sys.path.remove(str(ROOT))


def traps() -> dict[str, Any]:
    return {trap.name: trap for trap in module("truths").TRAPS}


# --- the truths ---------------------------------------------------------------------------------


def stepped(model: Any, loss_fn: Any, windows: list[Any]) -> float:
    """One update for each window, the whole window in one batch: what accumulation must equal."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    for inputs, targets in windows:
        optimizer.zero_grad()
        loss_fn(model(inputs), targets).backward()
        optimizer.step()
    return model.w.item()


def test_accumulation_is_the_window_in_one_batch() -> None:
    p = module("problems")
    x, y = p.samples(p.SIX).tensors
    whole = stepped(p.Weight(), p.mean, [(x[:4], y[:4]), (x[4:], y[4:])])
    assert whole == traps()["short_window"].truth == -2.0
    tokens = stepped(p.Tokens(), p.token_loss, [p.texts().tensors])
    assert tokens == pytest.approx(traps()["unequal_tokens"].truth, abs=1e-15)


@pytest.mark.parametrize("name", ["uneven_evaluation", "masked_evaluation", "epoch_loss"])
def test_a_loss_is_that_of_all_samples_at_once(name: str) -> None:
    p = module("problems")
    masked = name == "masked_evaluation"
    model, loss_fn = (p.Tokens(1.0), p.token_loss) if masked else (p.Weight(1.0), p.mean)
    inputs, targets = (p.texts() if masked else p.samples(p.FIVE)).tensors
    assert loss_fn(model(inputs), targets).item() == pytest.approx(traps()[name].truth, abs=1e-14)


def test_a_metric_is_that_of_all_samples_at_once() -> None:
    p = module("problems")
    prediction, target = p.samples(p.ERRORS).tensors
    rmse = torch.nn.functional.mse_loss(prediction, target).sqrt().item()
    assert rmse == pytest.approx(traps()["metric"].truth, abs=1e-14)


@pytest.mark.parametrize("skipped", [False, True])
def test_a_schedule_counts_the_updates_that_were_made(skipped: bool) -> None:
    p = module("problems")
    weight = torch.nn.Parameter(torch.zeros((), dtype=torch.float64))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    schedule = (p.halving if skipped else p.halving_every_two)(optimizer)
    for _ in range(3 if skipped else 5):
        weight.grad = torch.ones_like(weight)
        optimizer.step()
        schedule.step()
    assert weight.item() == traps()["skipped_update" if skipped else "schedule_frequency"].truth


def test_every_mistake_is_told_from_the_truth() -> None:
    is_right = module("measure").is_right
    for trap in traps().values():
        assert is_right(trap, trap.truth)
        assert not is_right(trap, 0.0 if math.isnan(trap.truth) else trap.truth + 2e-6)
        for what, value in trap.wrong.items():
            assert not is_right(trap, value), what


def test_a_training_that_does_not_repeat_is_no_trace() -> None:
    p, numbers = module("problems"), iter(range(9))

    def drifting(_: bool) -> float:
        return float(next(numbers))

    def repeating(validate: bool) -> float:
        return 3.0 if validate else 1.0

    with pytest.raises(RuntimeError, match="does not repeat by itself"):
        p.trace(drifting)
    assert p.trace(repeating) == 2.0


# --- the loops ----------------------------------------------------------------------------------


# torch sees it too: the schedule moves before the optimizer's first step.
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step..` before")
def test_the_plain_loop_falls_into_the_traps_that_are_said() -> None:
    measure = module("measure")
    right = {"nan_logged", "schedule_frequency"}
    for cell in measure.column("by_hand").cells:
        trap = traps()[cell.trap]
        assert not cell.failed
        assert measure.is_right(trap, cell.value) == (cell.trap in right)
        known = [pytest.approx(value, abs=1e-9, nan_ok=True) for value in trap.wrong.values()]
        assert cell.trap in right or not known or cell.value in known


@pytest.mark.parametrize("name", list(traps()))
def test_fivestep_is_right(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    measure = module("measure")
    cell = measure.cell(traps()[name], module("with_fivestep"))
    assert (cell.failed, cell.none) == ("", "")
    assert measure.is_right(traps()[name], cell.value), cell.value
    capsys.readouterr()  # what the doctor says of a loss that is NaN


@pytest.fixture
def unused_accelerate() -> Generator[None]:
    yield
    state: Any = import_module("accelerate.state")
    state.AcceleratorState._reset_state(reset_partial_state=True)
    state.GradientState._reset_state()


@pytest.mark.filterwarnings("ignore")  # what the libraries say of trainings as small as these
@pytest.mark.usefixtures("unused_accelerate")
@pytest.mark.parametrize("peer", PEERS)
def test_a_library_still_runs_and_gives_a_number_that_can_be_read(
    peer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    measure = module("measure")
    for name in ("short_window", "uneven_evaluation"):
        cell = measure.cell(traps()[name], module(peer))
        assert cell.failed == ""
        known = (traps()[name].truth, *traps()[name].wrong.values())
        assert cell.value in [pytest.approx(value, abs=1e-6) for value in known]


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks" / "traps").glob("with_*.py")))
def test_every_library_has_an_answer_to_every_trap(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert set(traps()) <= set(re.findall(r"^def (\w+)\(\):", text, re.MULTILINE))
    assert file.stem in module("__main__").COLUMNS


# --- what is told -------------------------------------------------------------------------------


class Outcomes:
    """A library for the tests: each trap ends in another way."""

    NAME, PACKAGE = "Some", "torch"

    @staticmethod
    def short_window() -> Any:
        return module("measure").Seen(-1.5, {"an option": -2.0}, how="in its own way")

    @staticmethod
    def unequal_tokens() -> Any:
        raise module("measure").NoNotionError("no tokens")

    @staticmethod
    def uneven_evaluation() -> Any:
        raise ValueError("given, got\n  do: something")


@pytest.fixture
def some(tmp_path: Path) -> Any:
    measure = module("measure")
    ends = ("short_window", "unequal_tokens", "uneven_evaluation")
    cells = [measure.cell(traps()[name], Outcomes) for name in ends]
    cells += [measure.Cell(name, trap.truth) for name, trap in traps().items() if name not in ends]
    measure.save(measure.Column("Some", "1.0", cells), tmp_path / "column.json")
    assert json.loads((tmp_path / "column.json").read_text())["name"] == "Some"
    return measure.load(tmp_path / "column.json")


def test_the_page_tells_numbers_reasons_and_failures(some: Any) -> None:
    page, measure = module("page"), module("measure")
    gone = measure.Column("Gone", "", [], missing="ImportError: no")
    text = page.page([some, gone])
    assert "| the last, short window | -2 | **-1.5 wrong** |" in text
    assert "| windows of unequal tokens | -1.375 | n/a |" in text
    assert "| evaluation, short last batch | 4 | **failed** |" in text
    assert "| NaN in the loss: what is logged | nan | nan right |" in text
    for note in (
        "Some, the last, short window: with an option -2 right.",
        "Some, the last, short window: in its own way.",
        "Some, windows of unequal tokens: n/a, no tokens.",
        "Some, evaluation, short last batch: failed with `ValueError: given, got`.",
        "Gone could not be run: `ImportError: no`",
    ):
        assert f"- {note}" in text
    assert page.failures([some, gone]) == 2


def test_one_column_is_printed_and_no_page_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    program = module("__main__")
    monkeypatch.setattr(program, "PAGE", tmp_path / "traps.md")
    monkeypatch.setattr("sys.argv", ["traps", "--only", "by_hand"])
    assert program.main() == 0
    printed = capsys.readouterr().out
    assert "| the last, short window | -2 | **-1 wrong** |" in printed
    assert printed.count(" wrong**") + printed.count(" right |") == len(traps()) + 1  # the heading
    assert not (tmp_path / "traps.md").exists()


def test_a_library_that_is_not_installed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = module("measure")

    def fail(*_: Any) -> Any:
        raise ImportError("No module named 'nobody'")

    monkeypatch.setattr(measure, "import_module", fail)
    found = measure.column("with_nobody")
    assert (found.cells, found.missing) == ([], "ImportError: No module named 'nobody'")


@pytest.mark.parametrize(
    ("crash", "said"),
    [
        ("print('ready'); raise RuntimeError('no memory')", "exit code 1: RuntimeError: no memory"),
        ("import os; os._exit(9)", "exit code 9"),
    ],
)
def test_a_library_that_takes_its_process_down_is_told_with_its_last_line(
    crash: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, run = module("__main__"), subprocess.run

    def crashing(command: list[str], **options: Any) -> Any:
        return run([command[0], "-c", crash], **options)

    monkeypatch.setattr(program.subprocess, "run", crashing)
    found = program._measure("with_nobody", chatter=False)
    assert (found.cells, found.missing) == ([], said)


def test_the_page_in_the_repository_answers_these_questions() -> None:
    page = module("page")
    text = (ROOT / "docs" / "traps.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    asked = [(trap.title, page.number(trap.truth)) for trap in traps().values()]
    assert [(cells[0].removeprefix("| "), cells[1]) for cells in rows[2:]] == asked
    for trap in traps().values():
        assert trap.asks in text
