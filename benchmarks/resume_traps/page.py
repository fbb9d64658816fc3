"""docs/resume-traps.md, out of the traps and of what was seen."""

from __future__ import annotations

import datetime
import platform
import textwrap
from collections.abc import Iterator
from pathlib import Path
from string import Template

import torch

from .measure import Column
from .truths import TRAPS, Answer

TEMPLATE = Path(__file__).with_name("page.template")


def page(columns: list[Column]) -> str:
    """The whole page as Markdown."""
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        count=len(TRAPS),
        run=_run(columns),
        table=table(columns),
        notes=notes(columns),
        options="\n".join(f"- {one.name}: {one.options}." for one in columns if one.options),
        questions="\n".join(f"- *{trap.title}*: {trap.asks}." for trap in TRAPS),
        missing=missing(columns),
    )


def _run(columns: list[Column]) -> str:
    plain = [one for one in columns if not one.options and not one.missing]
    libraries = [f"{one.name} {one.version}" for one in plain if one.name != "by hand"]
    text = f"Run on {datetime.date.today().isoformat()} with `make bench-resume-traps` on the CPU: "
    text += (
        f"Python {platform.python_version()}, torch {torch.__version__}, {', '.join(libraries)}."
    )
    text += " The page is written by that command, and every figure in it came out of that run."
    return textwrap.fill(text, 105, break_on_hyphens=False)


def table(columns: list[Column]) -> str:
    """One row for each trap; a library at its best has a column of its own."""
    ran = [one for one in columns if not one.missing]
    head = f"| trap | {' | '.join(title(one) for one in ran)} |"
    rows = [f"| {trap.title} | {' | '.join(_cells(ran, trap.name))} |" for trap in TRAPS]
    return "\n".join([head, "| --- |" + " --- |" * len(ran), *rows])


def title(one: Column) -> str:
    return f"{one.name}, best" if one.options else one.name


def _cells(columns: list[Column], name: str) -> Iterator[str]:
    for one in columns:
        answer = one.cells.get(name)
        yield cell(answer) if answer else ""


def cell(answer: Answer) -> str:
    """The verdict and its figures; what a library says when it refuses stands in the notes."""
    short = {"not offered": "n/a", "refuses": "refuses", "failed": "**failed**"}
    if answer.verdict in short:
        return short[answer.verdict]
    return f"right: {answer.said}" if answer.verdict == "right" else f"**wrong**: {answer.said}"


def notes(columns: list[Column]) -> str:
    """What was said where a library refused, and why a cell is empty."""
    return "\n".join(f"- {line}" for one in columns for line in _notes(one))


def _notes(one: Column) -> Iterator[str]:
    for trap in TRAPS:
        answer = one.cells.get(trap.name)
        if answer and answer.verdict == "not offered" and not one.options:
            yield f"{title(one)}, {trap.title}: n/a, {answer.said}."
        if answer and answer.verdict in ("refuses", "failed"):
            yield f"{title(one)}, {trap.title}: {answer.verdict} with `{answer.said}`."


def missing(columns: list[Column]) -> str:
    """Those that could not be run, with the reason; nothing stands in for them."""
    lines = [f"- {one.name} could not be run: `{one.missing}`" for one in columns if one.missing]
    return "\n".join(["", *lines, ""]) if lines else ""


def failures(columns: list[Column]) -> int:
    """How many cells failed, and columns that are missing: the exit code."""
    failed = sum(answer.verdict == "failed" for one in columns for answer in one.cells.values())
    return failed + sum(bool(one.missing) for one in columns)
