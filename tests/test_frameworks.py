"""Frameworks hide the five steps; the doctor hears them there too, and changes nothing.

Each file of ``frameworks/`` holds trainings under one of them. A function called like a rule plants
that fault, and the line to be named follows ``# here: its-name``; the others are sound.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import warnings
from collections.abc import Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from fivestep.doctor import Diagnosis, diagnose, listen
from fivestep.rules import catalogue
from fivestep.vitals import Backward, Record

HERE = "# here: "
FOLDER = Path(__file__).parent / "frameworks"
RULES = {name.replace("-", "_"): name for name in catalogue()}


def trainings(file: Path) -> list[str]:
    """The public functions of a file, read and not imported: collecting stays quick."""
    found = [one for one in ast.parse(file.read_text()).body if isinstance(one, ast.FunctionDef)]
    return [one.name for one in found if not one.name.startswith("_")]


ALL = [(file, name) for file in sorted(FOLDER.glob("with_*.py")) for name in trainings(file)]
SOUND = [pytest.param(f, n, id=f"{f.stem}-{n}") for f, n in ALL if n not in RULES]
FAULTS = [pytest.param(f, n, id=f"{f.stem}-{n}") for f, n in ALL if n in RULES]

# What the frameworks themselves say to each other, and of trainings as small as these.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.[a-z]*` is deprecated"),
    pytest.mark.filterwarnings("ignore:`isinstance.treespec, LeafSpec.` is deprecated"),
    pytest.mark.filterwarnings("ignore:The number of training batches"),
    pytest.mark.filterwarnings("ignore:Starting from v1.9.0, `tensorboardX` has been removed"),
]


@pytest.fixture(autouse=True)
def own_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[None]:
    """Each test has the folder of trainings on its path and an Accelerate that was never used."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.chdir(tmp_path)
    yield
    state: Any = import_module("accelerate.state")
    state.AcceleratorState._reset_state(reset_partial_state=True)


def run(file: Path, name: str) -> Any:
    torch.manual_seed(0)
    return getattr(import_module(file.stem), name)()


def hear(file: Path, name: str) -> tuple[Any, Record, Diagnosis]:
    """Run under the doctor; an error that the fault itself raises ends it, and nothing else may."""
    import_module(file.stem)
    result, doctor = None, listen()
    try:
        with doctor:
            result = run(file, name)
    except RuntimeError:
        assert name in RULES
    report = diagnose(doctor.record)
    assert not doctor.record.problems
    assert not [why for why in report.not_checked.values() if "failed" in why]
    return result, doctor.record, report


def lines(file: Path, rule: str) -> set[int]:
    """The lines below the comments that name the rule."""
    text = file.read_text().splitlines()
    marks = [n for n, line in enumerate(text) if HERE in line and rule in _listed(line)]
    return {next(n for n in range(mark, len(text)) if HERE not in text[n]) + 1 for mark in marks}


def _listed(line: str) -> list[str]:
    return line.split(HERE)[1].split(", ")


@pytest.mark.parametrize(("file", "name"), SOUND)
def test_sound_training_is_silent_and_the_same_to_the_last_bit(file: Path, name: str) -> None:
    plain, drawn = run(file, name), torch.rand(4)
    own: Any = import_module("accelerate.state")
    own.AcceleratorState._reset_state(reset_partial_state=True)
    heard, record, report = hear(file, name)
    assert torch.equal(drawn, torch.rand(4))
    assert len(plain) == len(heard)
    assert all(map(torch.equal, plain, heard))
    assert record.count(Backward) >= 18  # it was heard
    assert [f"{one.rule}: {one.message}" for one in report.findings] == []


@pytest.mark.parametrize(("file", "name"), FAULTS)
def test_planted_fault_is_named_with_the_line_of_the_user(file: Path, name: str) -> None:
    _, _, report = hear(file, name)
    (finding,) = report.findings
    assert finding.rule == RULES[name]
    assert finding.site is not None
    assert Path(finding.site.file) == file
    assert finding.site.line in lines(file, finding.rule)


def test_imported_and_trained_while_listening(tmp_path: Path) -> None:
    """As ``fivestep run`` does it: the frameworks themselves are imported under the doctor."""
    frameworks = [file.stem for file in sorted(FOLDER.glob("with_*.py"))]
    script, report = FOLDER / "everywhere.py", tmp_path / "report.json"
    command = ["-m", "fivestep", "run", "--json", str(report), str(script), *frameworks]
    heard = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, check=False, timeout=200
    )
    assert heard.returncode == 0, heard.stderr
    everywhere: Any = import_module("everywhere")
    with warnings.catch_warnings():
        plain = [f"digest {one} {everywhere.digest(one)}" for one in frameworks]
    assert [line for line in heard.stdout.splitlines() if line.startswith("digest")] == plain
    assert json.loads(report.read_text())["findings"] == []
