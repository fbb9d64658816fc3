"""The report as JSON, complete without the printed one; ``report.schema.json`` says its form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fivestep.finding import Finding, Rank, Report, Severity
from fivestep.report.place import cell, excerpt, line
from fivestep.rules import named
from fivestep.version import __version__
from fivestep.vitals.codec import decode, encode
from fivestep.vitals.facts import Site

SCHEMA = 1  # of the JSON; it changes when a field changes its meaning or goes away


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain JSON values; NaN and inf are the words ``"nan"``, ``"inf"``, ``"-inf"``.

    Schema: ``fivestep/report.schema.json``.
    """
    return {
        "schema": SCHEMA,
        "fivestep": __version__,
        "wrong": report.wrong,
        "findings": [as_finding(one) for one in report.findings],
        "checked": report.checked,
        "not_checked": [{"rule": name, "why": why} for name, why in report.not_checked.items()],
        "ignored": [as_finding(one) for one in report.ignored],
        "iterations": report.iterations,
        "seconds": round(report.seconds, 3),
        "ended": report.ended,
        "ranks": [_rank(one) for one in report.ranks],
        "notes": report.notes,
        "problems": report.problems,
    }


def as_finding(finding: Finding) -> dict[str, Any]:
    """One finding as plain JSON values."""
    site = finding.site
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": finding.severity.value,
        "confidence": finding.confidence,
        "message": finding.message,
        "cause": finding.cause,
        "fix": finding.fix,
        "file": site.file if site else None,
        "line": site.line if site else None,
        "function": site.function if site else None,
        "cell": cell(site) if site else None,
        "source": line(site) or None,
        "excerpt": [{"line": number, "text": text} for number, text in excerpt(site)],
        "iteration": finding.iteration,
        "count": finding.count,
        "ranks": list(finding.ranks),
        "evidence": encode(finding.evidence),
        "consequences": [as_finding(one) for one in finding.consequences],
        "summary": named(finding.rule).summary if finding.rule else "",
        "explain": f"fivestep explain {finding.rule}",
    }


def _rank(rank: Rank) -> dict[str, Any]:
    return {
        "rank": rank.number,
        "iterations": rank.iterations,
        "seconds": round(rank.seconds, 3),
        "ended": rank.ended,
        "missing": rank.missing,
    }


def write_json(report: Report, path: str | Path) -> None:
    """Write the report as JSON."""
    text = json.dumps(as_json(report), indent=2, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def from_json(plain: dict[str, Any]) -> Report:
    """Read back what ``as_json`` gave.

    Raises:
        ValueError: it is of another schema.
    """
    if plain.get("schema") != SCHEMA:
        raise ValueError(
            f"a report of schema {SCHEMA} was expected; this one has {plain.get('schema')}\n"
            "  do: write it again with this version of fivestep"
        )
    return Report(
        findings=[_read(one) for one in plain["findings"]],
        checked=list(plain["checked"]),
        not_checked={one["rule"]: one["why"] for one in plain["not_checked"]},
        ignored=[_read(one) for one in plain["ignored"]],
        iterations=plain["iterations"],
        seconds=plain["seconds"],
        problems=list(plain["problems"]),
        ended=plain["ended"],
        ranks=[decode(Rank, {**one, "number": one["rank"]}) for one in plain["ranks"]],
        notes=list(plain["notes"]),
    )


def _read(plain: dict[str, Any]) -> Finding:
    placed = plain["file"] is not None
    site = Site(plain["file"], plain["line"], plain["function"]) if placed else None
    return Finding(
        plain["message"], plain["cause"], plain["fix"], dict(plain["evidence"]), site,
        plain["iteration"], plain["count"], plain["confidence"],
        rule=plain["rule"], code=plain["code"], severity=Severity(plain["severity"]),
        consequences=[_read(one) for one in plain["consequences"]], ranks=tuple(plain["ranks"]),
    )  # fmt: skip
