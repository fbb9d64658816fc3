"""Whole programs by other hands: each faulty one is named, and nothing is said of a correct one.

A program says in its header what is wrong with it: ``# fault: stale-gradient``, ``# fault: a | b``
where two names are right, ``# fault: none``. ``# missed: why`` marks one that the doctor is known
to miss; the line goes as soon as it is found. Whether a loop starves depends on how busy the
machine is: such a program may be found or not.

``make matrix`` runs them all; ``make test`` a third of those with each fault, and of the correct.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from campaign import MATRIX

from fivestep.doctor import Doctor, diagnose, listen
from fivestep.finding import Finding, Severity
from fivestep.listen.script import run
from fivestep.rules import named

PROGRAMS = sorted((Path(__file__).parent / "patients").glob("*.py"))
_HEADER = re.compile(r"^# (fault|missed): (.+)$", re.MULTILINE)


class Header(NamedTuple):
    """What a program says of itself."""

    faults: frozenset[str]  # names, any of which is right; empty for a correct program
    missed: str  # why the doctor cannot find it; "" if it is to be found


def header(text: str) -> Header:
    said = {key: value.strip() for key, value in _HEADER.findall(text)}
    names = [one.strip() for one in said["fault"].split("|")]
    return Header(frozenset() if names == ["none"] else frozenset(names), said.get("missed", ""))


def verdict(faults: frozenset[str], found: list[tuple[str, bool]]) -> str:
    """What is wrong with findings, given as (rule, whether it is only costly); "" if nothing.

    A named fault may show at several lines. What is only costly may stand beside it.
    """
    loud = {rule for rule, costly in found if not costly}
    if not faults:
        return f"a false alarm: {sorted(loud)}" if loud else ""
    if loud - faults:
        return f"named {sorted(loud)}, which is something else"
    right = faults & {rule for rule, _ in found}
    return "" if len(right) == 1 else f"missed: {sorted(found)}"


def _fault(program: Path) -> str:
    return " ".join(sorted(header(program.read_text(encoding="utf-8")).faults))


RUN = PROGRAMS if MATRIX else sorted(PROGRAMS, key=lambda one: (_fault(one), one.stem))[::3]


@pytest.mark.parametrize("program", RUN, ids=lambda path: path.stem)
def test_program_is_judged_right(program: Path) -> None:
    faults, missed = header(program.read_text(encoding="utf-8"))
    doctor, findings = heard(program)
    problem = verdict(faults, [(f.rule, f.severity is Severity.COSTLY) for f in findings])
    assert faults or not doctor.record.ended  # a correct one runs to its end
    if faults == frozenset({"starved-loop"}):
        assert not problem or problem.startswith("missed")
    elif missed:
        assert problem, "it is found: take out the line `# missed:`"
    else:
        assert not problem


def heard(program: Path) -> tuple[Doctor, list[Finding]]:
    """The doctor and the findings of one program, run as ``fivestep run`` runs it."""
    doctor, threads, dtype = listen(), torch.get_num_threads(), torch.get_default_dtype()
    with (
        torch.random.fork_rng(devices=[]),
        torch.set_grad_enabled(True),  # a program may leave gradients off
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        run(doctor, str(program), [], module=False)
    torch.set_num_threads(threads)
    torch.set_default_dtype(dtype)
    report = diagnose(doctor.record)
    assert not doctor.record.problems
    assert not {name: why for name, why in report.not_checked.items() if "failed" in why}
    return doctor, report.findings


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_program_names_faults_of_the_catalogue(program: Path) -> None:
    for name in header(program.read_text(encoding="utf-8")).faults:
        assert named(name).name == name


@pytest.mark.parametrize(
    ("faults", "found", "problem"),
    [
        ((), [], ""),
        ((), [("starved-loop", True)], ""),
        ((), [("flat-loss", False)], "false alarm"),
        (("flat-loss",), [("flat-loss", False), ("flat-loss", False)], ""),
        (("flat-loss",), [("flat-loss", False), ("kept-graph", True)], ""),
        (("flat-loss",), [("flat-loss", False), ("huge-update", False)], "something else"),
        (("flat-loss",), [("huge-update", False)], "something else"),
        (("flat-loss",), [], "missed"),
        (("kept-graph",), [("kept-graph", True)], ""),
        (("kept-graph",), [("starved-loop", True)], "missed"),
        (("flat-loss", "huge-update"), [("huge-update", False)], ""),
        (("flat-loss", "huge-update"), [("huge-update", False), ("flat-loss", False)], "missed"),
    ],
)
def test_verdict(faults: tuple[str, ...], found: list[tuple[str, bool]], problem: str) -> None:
    assert problem in verdict(frozenset(faults), found)
    assert bool(problem) is bool(verdict(frozenset(faults), found))
