"""Correct programs that do on purpose what looks like a fault: the doctor has nothing to say."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path

import pytest
import torch

from fivestep.doctor import diagnose, listen
from fivestep.finding import Severity

PROGRAMS = sorted((Path(__file__).parent / "gallery").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_correct_program_stays_silent(program: Path) -> None:
    spec = importlib.util.spec_from_file_location(f"gallery_{program.stem}", program)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.__doc__
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), listen() as doctor:
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        module.main()
    report = diagnose(doctor.record)
    loud = [f"{f.rule}: {f.message}" for f in report.findings if f.severity is not Severity.COSTLY]
    failed = {name: why for name, why in report.not_checked.items() if "failed" in why}
    assert not doctor.record.problems
    assert not failed
    assert not loud
    assert doctor.record.length
