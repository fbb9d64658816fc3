"""The catalogue tests itself: files, docs, codes, names, words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fivestep.rules
from fivestep.doctor import diagnose
from fivestep.finding import Rule
from fivestep.needs import NEEDS
from fivestep.practice import VARIANTS, overhear
from fivestep.rules import CODES, broken, catalogue, named

HERE = Path(fivestep.rules.__file__).parent
RULES = list(catalogue().values())
SECTIONS = ["*Why is this bad?*", "*What to do*", "*When it is wrong*"]


def test_every_file_is_in_the_table() -> None:
    files = {path.stem for path in HERE.glob("*.py")} - {"__init__"}
    assert files <= {name.replace("-", "_") for name in CODES}


def test_every_file_can_be_loaded() -> None:
    assert broken() == {}


def test_codes_are_unique_and_in_order() -> None:
    codes = list(CODES.values())
    assert len(set(codes)) == len(codes)
    assert codes == sorted(codes)
    assert all(re.fullmatch(r"FS[0-6]\d\d", code) for code in codes)


def test_a_rule_is_found_by_name_and_by_code() -> None:
    assert named("FS301") is named("stale-gradient") is named("fs301")
    with pytest.raises(ValueError, match="is no rule"):
        named("FS999")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_docs_have_their_sections_in_order(rule: Rule) -> None:
    places = [rule.text.find(section) for section in SECTIONS]
    assert -1 not in places
    assert places == sorted(places)
    assert rule.summary.endswith(".")
    assert len(rule.summary) <= 100


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_references_name_rules_and_variants(rule: Rule) -> None:
    assert set(rule.explains) <= set(CODES)
    assert set(rule.needs) <= set(NEEDS)
    assert set(rule.without) <= set(VARIANTS)
    assert "plain" not in rule.without
    assert all(rule.without.values())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_words_follow_the_house(rule: Rule) -> None:
    (finding,) = diagnose(overhear(rule.sick)).findings
    for text in (finding.message, finding.cause, finding.fix):
        assert text
        assert "\n" not in text
        assert not text.endswith(".")
        assert not re.search(r"[!?]|please|should|oops|\bI\b", text, re.IGNORECASE)
    assert finding.evidence
    assert 0 < finding.confidence <= 1
