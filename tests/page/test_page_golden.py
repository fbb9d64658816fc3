"""The golden traces: the producer of today tells what it told when they were written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import make_golden
import pytest
from make_golden import PLANS, ROOT

GOLDEN = Path(__file__).parent / "golden"


def like(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two messages differ. Sums may be rounded otherwise on another processor."""
    if isinstance(one, dict) and isinstance(other, dict):
        if list(one) != list(other):
            return [f"{place}: {list(one)} and {list(other)}"]
        return [w for key in one for w in like(one[key], other[key], f"{place}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [w for i, (a, b) in pairs for w in like(a, b, f"{place}[{i}]")]
    if isinstance(one, float) and isinstance(other, float):
        return (
            [] if one == pytest.approx(other, rel=1e-3, abs=1e-5) else [f"{place}: {one}, {other}"]
        )
    return [] if one == other and type(one) is type(other) else [f"{place}: {one!r}, {other!r}"]


@pytest.mark.parametrize("name", list(PLANS))
def test_the_traces_are_made_anew_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If this is meant: python tests/page/make_golden.py, and look at what git says of it."""
    monkeypatch.chdir(ROOT)
    lines = (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    kept = [json.loads(line) for line in lines]
    fresh = json.loads(json.dumps(make_golden.trace(*PLANS[name])))
    assert [one["kind"] for one in fresh] == [one["kind"] for one in kept]
    assert [words for a, b in zip(fresh, kept, strict=True) for words in like(a, b)] == []


def test_a_difference_is_seen() -> None:
    assert like({"a": [1.0, None]}, {"a": [1.0, 0]}) == [".a[1]: None, 0"]
    assert like({"a": 1.0}, {"a": 1.1})
    assert like({"a": 1}, {"b": 1})
    assert like([1], [1, 2])
    assert like(True, 1)


def test_the_command_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    before = (GOLDEN / "digits.jsonl").read_bytes()
    command = [sys.executable, str(GOLDEN.parent / "make_golden.py"), "digits"]
    try:
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
        first = (GOLDEN / "digits.jsonl").read_bytes()
        subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
        assert (GOLDEN / "digits.jsonl").read_bytes() == first
    finally:
        (GOLDEN / "digits.jsonl").write_bytes(before)


def test_between_them_they_hold_every_kind_of_message() -> None:
    kinds: set[str] = set()
    for name in PLANS:
        for line in (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            kinds.add(json.loads(line)["kind"])
    assert kinds == {
        "hello", "source", "knobs", "state", "ack", "moment", "iteration", "order", "finding",
        "note", "end", "output",
    }  # fmt: skip


def test_findings_point_at_what_was_told() -> None:
    for name in PLANS:
        lines = (GOLDEN / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        told = {one["seq"]: one for one in map(json.loads, lines)}
        for one in told.values():
            if one["kind"] == "finding":
                assert told[one["seq_of"]]["kind"] == "moment"
                assert told[one["seq_of"]]["seq"] < one["seq"]
