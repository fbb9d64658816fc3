"""docs/field-test.md, out of the manifest and of what was seen."""

from __future__ import annotations

import datetime
import platform
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from manifest import Judgement, Repository, Script
from runner import Found, Outcome

HEAD = Path(__file__).with_name("page.template")


def line(outcome: Outcome) -> str:
    """One script in one line for the terminal, its findings below."""
    codes = f"exit {outcome.exit_code}/{outcome.heard_code}"
    alone, heard = outcome.seconds
    flags = [
        f"{outcome.name}  {outcome.iterations} iterations  {alone:.0f}s/{heard:.0f}s",
        codes if outcome.exit_code or outcome.heard_code else "",
        "" if outcome.same_output else "OUTPUT DIFFERS",
        *outcome.problems,
        outcome.error,
    ]
    found = [f"    {one.severity} {one.rule}:{one.line} {one.message}" for one in outcome.findings]
    return "\n".join(["  ".join(filter(None, flags)), *found])


def page(scripts: list[Script], outcomes: list[Outcome], command: str) -> str:
    """The whole page as Markdown."""
    versions = f"fivestep {version('fivestep')}, torch {version('torch')}, torchvision "
    versions += f"{version('torchvision')}, Python {platform.python_version()}"
    head = HEAD.read_text(encoding="utf-8").format(
        summary=summary(scripts, outcomes), date=datetime.date.today().isoformat(),
        command=command, versions=versions,
    )  # fmt: skip
    seen = {one.name: one for one in outcomes}
    repositories = list(dict.fromkeys(one.repository for one in scripts))
    return "\n".join([head, *(_section(one, scripts, seen) for one in repositories)])


def summary(scripts: list[Script], outcomes: list[Outcome]) -> str:
    """What came out, in one table."""
    verdicts = Counter(one.verdict for script in scripts for one in script.judgements)
    silent = sum(not one.findings for one in outcomes)
    whole = sum(one.exit_code == one.heard_code == 0 for one in outcomes)
    rows = {
        "repositories": len({one.repository for one in scripts}),
        "scripts": len(scripts),
        "ended well, both by themselves and under the doctor": whole,
        "the same standard output both times": sum(one.same_output for one in outcomes),
        "fivestep itself failed": sum(bool(one.problems) for one in outcomes),
        "iterations heard": sum(one.iterations for one in outcomes),
        "scripts with nothing to say": silent,
        "findings": sum(len(one.findings) for one in outcomes),
        "judged right": verdicts["right"],
        "judged wrong": verdicts["wrong"],
    }
    lines = [f"| {what} | {number:,} |" for what, number in rows.items()]
    return "\n".join(["| | |", "| --- | ---: |", *lines])


def _section(repository: Repository, scripts: list[Script], seen: dict[str, Outcome]) -> str:
    ours = [one for one in scripts if one.repository == repository]
    lines = [
        f"## [{repository.name}]({repository.address}) at `{repository.commit[:10]}`", "",
        "| script | run with | edits | iterations | output | found |",
        "| --- | --- | ---: | ---: | --- | --- |",
        *(row(one, seen[one.name]) for one in ours), "",
    ]  # fmt: skip
    return "\n".join(lines)


def row(script: Script, outcome: Outcome) -> str:
    """One script as a row of its repository's table."""
    alike = "same" if outcome.same_output else "differs"
    ended = "" if outcome.exit_code == 0 else f", exit {outcome.exit_code}"
    cells = [
        f"[{script.path}]({script.address}) {script.variant}".strip(), _run_with(script),
        str(len(script.edits)), f"{outcome.iterations:,}", alike + ended,
        findings(outcome.findings, script.judgements),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _run_with(script: Script) -> str:
    parts = [f"`{' '.join(script.arguments)}`"] if script.arguments else []
    stand_ins = ", ".join(dict.fromkeys(script.data.values()))
    return "; ".join([*parts, *([stand_ins] if stand_ins else [])])


def findings(found: Iterable[Found], judgements: Iterable[Judgement]) -> str:
    """The cell of findings: each with its verdict; empty where there are none."""
    left = list(judgements)
    cells = [_judged(one, left) for one in found]
    gone = [f"`{one.rule}` was judged and is no longer found" for one in left]
    return "<br>".join([*cells, *gone])


def _judged(found: Found, left: list[Judgement]) -> str:
    for one in left:
        if one.rule == found.rule:
            left.remove(one)
            return verdict(one)
    return f"`{found.rule}` not judged"


def verdict(judgement: Judgement) -> str:
    """One finding as the page says it."""
    return f"`{judgement.rule}`, **{judgement.verdict}**: {judgement.reason}"
