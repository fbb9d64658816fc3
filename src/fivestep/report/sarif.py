"""The report as SARIF 2.1.0, as code scanning reads it.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and what GitHub asks for:
https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PureWindowsPath
from typing import Any
from urllib.parse import quote

from fivestep.finding import Finding, Report, Severity
from fivestep.report.place import line
from fivestep.rules import named
from fivestep.version import __version__
from fivestep.vitals.codec import encode
from fivestep.vitals.facts import Site

LEVELS = {Severity.WRONG: "error", Severity.SUSPICIOUS: "warning", Severity.COSTLY: "note"}
PRECISION = {Severity.WRONG: "very-high", Severity.SUSPICIOUS: "high", Severity.COSTLY: "high"}


def as_sarif(report: Report) -> dict[str, Any]:
    """The report as plain JSON values of a SARIF log with one run."""
    names = sorted({finding.rule for finding in report.findings})
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(names)},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"SRCROOT": {"uri": _folder(Path.cwd())}},
                "invocations": [_invocation(report)],
                "results": [_result(one, names, report.site) for one in report.findings],
            }
        ],
    }


def _driver(names: list[str]) -> dict[str, Any]:
    return {
        "name": "fivestep",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(name) for name in names],
    }


def _rule(name: str) -> dict[str, Any]:
    rule = named(name)
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.summary},
        "help": {"text": rule.text, "markdown": rule.text},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
        "properties": {"precision": PRECISION[rule.severity], "tags": ["pytorch", "training"]},
    }


def _invocation(report: Report) -> dict[str, Any]:
    own = [{"level": "error", "message": {"text": one}} for one in report.problems]
    invocation: dict[str, Any] = {"executionSuccessful": not report.problems}
    return {**invocation, "toolExecutionNotifications": own} if own else invocation


def _result(finding: Finding, names: list[str], somewhere: Site | None) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": names.index(finding.rule),
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.message}. {finding.cause}. Fix: {finding.fix}."},
        "occurrenceCount": max(1, finding.count),
        "locations": [{"physicalLocation": _place(finding.site or somewhere)}],
        "partialFingerprints": {"ruleAndLine/v1": _fingerprint(finding)},
        "properties": {
            "rule": finding.rule,
            "iteration": finding.iteration,
            "evidence": encode(finding.evidence),
            "confidence": finding.confidence,
            "consequences": [one.rule for one in finding.consequences],
            "ranks": list(finding.ranks),
        },
    }


def _fingerprint(finding: Finding) -> str:
    """Equal as long as the rule and the text of the line are: lines above may come and go."""
    file = _uri(finding.site.file)["uri"] if finding.site else ""
    told = "\0".join([finding.code, file, line(finding.site)])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _place(site: Site | None) -> dict[str, Any]:
    """A place of some kind: code scanning refuses the whole file where a result has none."""
    if site is None:
        return {"artifactLocation": {"uri": ".", "uriBaseId": "SRCROOT"}}
    region: dict[str, Any] = {"startLine": max(1, site.line)}
    text = line(site)
    if text:
        region["snippet"] = {"text": text}
    return {"artifactLocation": _uri(site.file), "region": region}


def _uri(file: str) -> dict[str, str]:
    """Below the working directory relative to it, as code scanning asks for; else as it is."""
    path = Path(file)
    if path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    if path.is_absolute():
        return {"uri": path.as_uri()}
    windows = PureWindowsPath(file)
    if windows.is_absolute():  # recorded on Windows, read elsewhere
        return {"uri": "file:///" + quote(windows.as_posix().lstrip("/"), safe="/:")}
    return {"uri": quote(path.as_posix()), "uriBaseId": "SRCROOT"}


def _folder(path: Path) -> str:
    uri = path.as_uri()
    return uri if uri.endswith("/") else uri + "/"


def write_sarif(report: Report, path: str | Path) -> None:
    """Write the report as SARIF 2.1.0."""
    text = json.dumps(as_sarif(report), indent=2, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")
