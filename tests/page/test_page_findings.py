"""Findings while the script runs: early ones may be taken back, and looking costs a share."""

from __future__ import annotations

from typing import Any

import pytest
from hand import Told

from fivestep.finding import Finding, Severity
from fivestep.page import findings
from fivestep.page.findings import Findings


class Report:
    def __init__(self, found: list[Finding]) -> None:
        self.findings = found


class Doctor:
    record = None


def a(rule: str, severity: Severity) -> Finding:
    return Finding(
        rule=rule, code="FS501", severity=severity, message="m", cause="c", fix="f", iteration=1,
        evidence={}, site=None, count=1,
    )  # fmt: skip


def _with_rule(one: Finding) -> dict[str, Any]:
    return {"rule": one.rule, "file": None, "consequences": []}


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Findings that a test sets; the looks are counted."""

    class Looked:
        now: list[Finding] = []  # noqa: RUF012
        looks = 0
        told = Told()

    def diagnose(_: Any) -> Report:
        Looked.looks += 1
        return Report(list(Looked.now))

    monkeypatch.setattr(findings, "diagnose", diagnose)
    monkeypatch.setattr(findings, "as_finding", _with_rule)
    Looked.findings = Findings(Doctor(), Looked.told.post, lambda one: 1, str)  # pyright: ignore
    return Looked


def rules(told: Told) -> list[tuple[str, bool]]:
    return [(one["rule"], one["early"]) for one in told.of("finding")]


def test_what_is_wrong_is_told_at_once_and_once(looked: Any) -> None:
    looked.now = [a("stale-gradient", Severity.WRONG)]
    for iteration in range(1, 60):
        looked.findings.look(iteration, False, True)
    looked.findings.finish()
    assert rules(looked.told) == [("stale-gradient", False)]


@pytest.mark.parametrize("severity", [Severity.SUSPICIOUS, Severity.COSTLY])
def test_what_may_pass_is_told_when_it_was_seen_twice(looked: Any, severity: Severity) -> None:
    looked.now = [a("tiny-update", severity)]
    for iteration in range(1, 10):
        looked.findings.look(iteration, True, True)
    assert rules(looked.told) == []
    for iteration in range(10, 40):
        looked.findings.look(iteration, False, True)
    looked.findings.finish()
    assert rules(looked.told) == [("tiny-update", True)]
    assert not looked.told.of("withdrawn")


def test_what_has_passed_is_taken_back_and_may_come_again(looked: Any) -> None:
    looked.now = [a("flat-loss", Severity.SUSPICIOUS)]
    for iteration in range(1, 40):
        looked.findings.look(iteration, False, True)
    (first,) = looked.told.of("finding")
    looked.now = []
    for iteration in range(40, 200):
        looked.findings.look(iteration, False, True)
    assert [one["seq_of"] for one in looked.told.of("withdrawn")] == [first["seq"]]
    looked.now = [a("flat-loss", Severity.SUSPICIOUS)]
    looked.findings.finish()
    assert rules(looked.told) == [("flat-loss", True), ("flat-loss", False)]


def test_what_never_came_may_come_until_the_end(looked: Any) -> None:
    looked.now = [a("missing-update", Severity.WRONG)]
    for iteration in range(1, 100):
        looked.findings.look(iteration, True, True)
    assert rules(looked.told) == []
    looked.findings.finish()
    assert rules(looked.told) == [("missing-update", False)]


def test_nobody_looks_while_the_share_is_used_up(looked: Any) -> None:
    for iteration in range(20, 5000):
        looked.findings.look(iteration, False, False)
    assert looked.looks == 0
    looked.findings.look(5000, False, True)
    assert looked.looks == 1
