"""Every sick loop raises exactly its own rule and every healthy one none, in every variant.

``make matrix`` tries every rule in every variant; ``make test`` a third of them, another third from
one rule to the next, and the plain one always.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from campaign import MATRIX

from fivestep.doctor import diagnose
from fivestep.finding import Rule
from fivestep.practice import VARIANTS, overhear
from fivestep.rules import catalogue
from fivestep.vitals import Record
from fivestep.vitals.codec import encode


def _variants(number: int) -> Iterator[str]:
    for place, variant in enumerate(VARIANTS):
        if MATRIX or variant == "plain" or (place + number) % 3 == 0:
            yield variant


CASES = [
    pytest.param(rule, variant, id=f"{rule.name}-{variant}")
    for number, rule in enumerate(catalogue().values())
    for variant in _variants(number)
    if variant not in rule.without
]


def _names(record: Record) -> list[str]:
    report = diagnose(record)
    failed = {name: why for name, why in report.not_checked.items() if "failed" in why}
    assert not record.problems
    assert not failed
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize(("rule", "variant"), CASES)
def test_sick_loop_raises_its_own_rule_alone(rule: Rule, variant: str) -> None:
    assert _names(overhear(rule.sick, VARIANTS[variant])) == [rule.name]


@pytest.mark.parametrize(("rule", "variant"), CASES)
def test_healthy_loop_raises_none(rule: Rule, variant: str) -> None:
    assert _names(overhear(rule.healthy, VARIANTS[variant])) == []


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: rule.name)
def test_recorded_run_is_diagnosed_as_the_live_one(rule: Rule, tmp_path: object) -> None:
    record = overhear(rule.sick)
    read = Record.load(record.save(f"{tmp_path}/vitals.jsonl"))
    live, later = diagnose(record), diagnose(read)
    assert encode(read) == encode(record)
    assert encode(later.findings) == encode(live.findings)
    assert later.checked == live.checked


@pytest.mark.parametrize("rule", catalogue().values(), ids=lambda rule: rule.name)
def test_finding_names_a_line_of_the_sick_loop(rule: Rule) -> None:
    (finding,) = diagnose(overhear(rule.sick)).findings
    assert finding.site is not None
    assert finding.site.file == rule.file
    first = rule.sick.__code__.co_firstlineno
    last = max(line for _, _, line in rule.sick.__code__.co_lines() if line is not None)
    assert first < finding.site.line <= last
    assert finding.iteration >= 1
    assert finding.count >= 1
