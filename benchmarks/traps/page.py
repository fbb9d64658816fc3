"""docs/traps.md, out of the traps and of what was seen."""

from __future__ import annotations

import datetime
import platform
import textwrap
from collections.abc import Iterator
from pathlib import Path

import torch

from .measure import Cell, Column, is_right
from .truths import TRAPS, Trap

HEAD = Path(__file__).with_name("page.template")


def page(columns: list[Column]) -> str:
    """The whole page as Markdown."""
    ran = [one for one in columns if not one.missing]
    return HEAD.read_text(encoding="utf-8").format(
        count=len(TRAPS),
        run=_run(ran),
        table=table(columns),
        notes=notes(columns),
        questions="\n".join(f"- *{trap.title}*: {_question(trap)}" for trap in TRAPS),
        missing=missing(columns),
    )


def _run(columns: list[Column]) -> str:
    libraries = [f"{one.name} {one.version}" for one in columns if one.name != "by hand"]
    text = f"Run on {datetime.date.today().isoformat()} with `make bench-traps` on the CPU: Python "
    text += f"{platform.python_version()}, torch {torch.__version__}, {', '.join(libraries)}. "
    text += "The page is written by that command, and every number in it came out of that run."
    return textwrap.fill(text, 105, break_on_hyphens=False)


def _question(trap: Trap) -> str:
    wrong = "; ".join(f"{number(value)}: {what}" for what, value in trap.wrong.items())
    told = f" ({wrong})" if wrong else ""
    return f"{trap.asks}. Right: {number(trap.truth)}{told}."


def table(columns: list[Column]) -> str:
    """One row for each trap, one column for each library that could be run."""
    ran = [one for one in columns if not one.missing]
    head = f"| trap | right | {' | '.join(one.name for one in ran)} |"
    rule = f"| --- | ---: |{' ---: |' * len(ran)}"
    return "\n".join([head, rule, *(_row(trap, ran) for trap in TRAPS)])


def _row(trap: Trap, columns: list[Column]) -> str:
    cells = [_cell(trap, _of(trap, one)) for one in columns]
    return f"| {' | '.join([trap.title, number(trap.truth), *cells])} |"


def _of(trap: Trap, one: Column) -> Cell:
    return next(cell for cell in one.cells if cell.trap == trap.name)


def _cell(trap: Trap, cell: Cell) -> str:
    if cell.failed:
        return "**failed**"
    return "n/a" if cell.value is None else judged(trap, cell.value)


def judged(trap: Trap, value: float) -> str:
    """The number and the verdict on it."""
    return f"{number(value)} right" if is_right(trap, value) else f"**{number(value)} wrong**"


def number(value: float) -> str:
    """Five digits are enough to tell every wrong number from the right one."""
    return f"{value:.5g}"


def notes(columns: list[Column]) -> str:
    """Why a cell is empty, what failed, and what other options give: as measured, too."""
    return "\n".join(f"- {line}" for one in columns for line in _notes(one))


def _notes(one: Column) -> Iterator[str]:
    for trap, cell in ((trap, cell) for trap in TRAPS for cell in one.cells):
        if cell.trap != trap.name:
            continue
        if cell.none:
            yield f"{one.name}, {trap.title}: n/a, {cell.none}."
        if cell.failed:
            yield f"{one.name}, {trap.title}: failed with `{cell.failed}`."
        if cell.how:
            yield f"{one.name}, {trap.title}: {cell.how}."
        for option, value in cell.also.items():
            yield f"{one.name}, {trap.title}: with {option} {judged(trap, value)}."


def missing(columns: list[Column]) -> str:
    """Those that could not be run, with the reason; nothing stands in for them."""
    gone = [one for one in columns if one.missing]
    lines = [f"- {one.name} could not be run: `{one.missing}`" for one in gone]
    return "\n".join(["", *lines, ""]) if lines else ""


def failures(columns: list[Column]) -> int:
    """How many cells failed, and columns that are missing: the exit code."""
    failed = sum(bool(cell.failed) for one in columns for cell in one.cells)
    return failed + sum(bool(one.missing) for one in columns)
