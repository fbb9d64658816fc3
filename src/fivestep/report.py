"""What the doctor says: for people on a terminal, as JSON, as SARIF 2.1.0."""

from __future__ import annotations

import io
import json
import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import quote

from rich.console import Console
from rich.text import Text

from fivestep.finding import Finding, Report, Severity
from fivestep.rules import named
from fivestep.version import __version__
from fivestep.vitals.codec import encode
from fivestep.vitals.facts import Site

SCHEMA = 1  # of the JSON; it changes when a field changes its meaning or goes away
AROUND = 2  # lines of source before and after the one that is marked

COLOURS = {
    Severity.WRONG: "bold red",
    Severity.SUSPICIOUS: "bold yellow",
    Severity.COSTLY: "bold blue",
}
LEVELS = {Severity.WRONG: "error", Severity.SUSPICIOUS: "warning", Severity.COSTLY: "note"}


# -- for people ---------------------------------------------------------------------------------


def print_report(report: Report, *, file: TextIO | None = None) -> None:
    """Print a report: on standard error, in colour on a terminal only."""
    console = Console(file=file or sys.stderr, highlight=False, soft_wrap=True, emoji=False)
    for line in _lines(report):
        console.print(line)


def as_text(report: Report) -> str:
    """The printed report as plain text."""
    page = io.StringIO()
    print_report(report, file=page)
    return page.getvalue()


def _lines(report: Report) -> Iterator[Text]:
    yield Text(f"fivestep: {_headline(report)}", style="bold")
    for finding in report.findings:
        yield Text()
        yield from _finding_lines(finding)
    if report.findings:
        yield Text()
    yield from _closing_lines(report)


def _headline(report: Report) -> str:
    iterations = _several(report.iterations, "iteration")
    if not report.findings:
        checked = f"{_several(len(report.checked), 'rule')} in order"
        others = f", {len(report.not_checked)} not checked" if report.not_checked else ""
        return f"nothing to say about {iterations} ({checked}{others})"
    return f"{_several(len(report.findings), 'fault')} in {iterations}"


def _several(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _finding_lines(finding: Finding) -> Iterator[Text]:
    place = str(_short(finding.site)) if finding.site else "no line of yours"
    yield Text.assemble(
        (finding.severity.value, COLOURS[finding.severity]), "  ",
        (f"{finding.rule} ({finding.code})", "bold"), "  ", (place, "cyan"),
    )  # fmt: skip
    yield Text(f"  {finding.message}")
    excerpt = list(_excerpt(finding.site))
    if excerpt:
        yield from (Text(), *excerpt, Text())
    yield _labelled("why", finding.cause)
    yield _labelled("fix", finding.fix, style="green")
    yield _labelled("seen", _seen(finding))
    for one in finding.consequences:
        yield _labelled("so", f"{one.rule} ({one.code}): {one.message}")
    yield _labelled("more", f"fivestep explain {finding.rule}", style="dim")


def _labelled(label: str, text: str, *, style: str = "") -> Text:
    return Text.assemble((f"  {label:<5}", "dim"), (text, style))


def _seen(finding: Finding) -> str:
    first = f"first in iteration {finding.iteration}, in {_several(finding.count, 'iteration')}"
    numbers = " · ".join(f"{name} {_number(value)}" for name, value in finding.evidence.items())
    sure = "" if finding.confidence == 1 else f" · confidence {finding.confidence:.0%}"
    return f"{first} · {numbers}{sure}"


def _number(value: float | str | bool) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _excerpt(site: Site | None) -> Iterator[Text]:
    """The lines around the one that shows it, that one marked."""
    if site is None or not linecache.getline(site.file, site.line):
        return
    for number in range(max(1, site.line - AROUND), site.line + AROUND + 1):
        line = linecache.getline(site.file, number).rstrip()
        marked = number == site.line
        if line or marked:
            mark = ">" if marked else " "
            yield Text(f"  {mark} {number:>5} | {line}", style="bold" if marked else "dim")


def _short(site: Site) -> str:
    path = Path(site.file)
    near = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{near}:{site.line}"


def _closing_lines(report: Report) -> Iterator[Text]:
    if report.findings:
        yield Text(f"checked and in order: {_several(len(report.checked), 'rule')}", style="dim")
    by_reason: dict[str, list[str]] = {}
    for name, why in report.not_checked.items() if report.findings or not report.checked else ():
        by_reason.setdefault(why, []).append(name)
    for why, names in by_reason.items():
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        yield Text(f"not checked: {shown} ({why})", style="dim")
    for problem in report.problems:
        yield Text(f"fivestep itself failed and stopped listening: {problem}", style="yellow")


# -- JSON ---------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """The report as plain JSON values; it is complete without the printed one."""
    return {
        "schema": SCHEMA,
        "fivestep": __version__,
        "findings": [_plain(one) for one in report.findings],
        "checked": report.checked,
        "not_checked": [{"rule": name, "why": why} for name, why in report.not_checked.items()],
        "ignored": [_plain(one) for one in report.ignored],
        "iterations": report.iterations,
        "seconds": round(report.seconds, 3),
        "problems": report.problems,
        "ended": report.ended,
    }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "code": finding.code,
        "severity": finding.severity.value,
        "iteration": finding.iteration,
        "count": finding.count,
        "file": finding.site.file if finding.site else None,
        "line": finding.site.line if finding.site else None,
        "message": finding.message,
        "evidence": encode(finding.evidence),
        "cause": finding.cause,
        "fix": finding.fix,
        "confidence": finding.confidence,
        "consequences": [_plain(one) for one in finding.consequences],
    }


def from_json(plain: dict[str, Any]) -> Report:
    """Read back what ``as_json`` made."""
    return Report(
        findings=[_finding(one) for one in plain["findings"]],
        checked=list(plain["checked"]),
        not_checked={one["rule"]: one["why"] for one in plain["not_checked"]},
        ignored=[_finding(one) for one in plain["ignored"]],
        iterations=plain["iterations"],
        seconds=plain["seconds"],
        problems=list(plain["problems"]),
        ended=plain["ended"],
    )


def _finding(plain: dict[str, Any]) -> Finding:
    line = plain["line"]
    return Finding(
        message=plain["message"],
        cause=plain["cause"],
        fix=plain["fix"],
        evidence=plain["evidence"],
        site=Site(plain["file"], line) if line is not None else None,
        iteration=plain["iteration"],
        count=plain["count"],
        confidence=plain["confidence"],
        rule=plain["rule"],
        code=plain["code"],
        severity=Severity(plain["severity"]),
        consequences=[_finding(one) for one in plain["consequences"]],
    )


def write_json(report: Report, path: str | Path) -> None:
    """Write the report as JSON."""
    Path(path).write_text(json.dumps(as_json(report), indent=2, allow_nan=False) + "\n")


# -- SARIF --------------------------------------------------------------------------------------


def as_sarif(report: Report) -> dict[str, Any]:
    """The report as SARIF 2.1.0, as code scanning reads it.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    names = sorted({finding.rule for finding in report.findings})
    driver = {"name": "fivestep", "version": __version__, "rules": [_sarif_rule(n) for n in names]}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"SRCROOT": {"uri": Path.cwd().as_uri() + "/"}},
                "invocations": [{"executionSuccessful": not report.problems}],
                "results": [_sarif_result(one, names.index(one.rule)) for one in report.findings],
            }
        ],
    }


def _sarif_rule(name: str) -> dict[str, Any]:
    rule = named(name)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.text, "markdown": rule.text},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _sarif_result(finding: Finding, index: int) -> dict[str, Any]:
    text = f"{finding.message}. {finding.cause}. Fix: {finding.fix}."
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": text},
        "occurrenceCount": max(1, finding.count),
        "properties": {
            "rule": finding.rule,
            "iteration": finding.iteration,
            "evidence": encode(finding.evidence),
            "confidence": finding.confidence,
            "consequences": [one.rule for one in finding.consequences],
        },
    }
    if finding.site is not None:
        result["locations"] = [{"physicalLocation": _place(finding.site)}]
    return result


def _place(site: Site) -> dict[str, Any]:
    path = Path(site.file)
    here = Path.cwd()
    where: dict[str, Any] = {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}
    if path.is_relative_to(here):
        where = {"uri": quote(path.relative_to(here).as_posix()), "uriBaseId": "SRCROOT"}
    return {"artifactLocation": where, "region": {"startLine": max(1, site.line)}}


def write_sarif(report: Report, path: str | Path) -> None:
    """Write the report as SARIF 2.1.0."""
    Path(path).write_text(json.dumps(as_sarif(report), indent=2, allow_nan=False) + "\n")
