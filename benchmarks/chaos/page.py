"""The figures, as lines to watch and as the page of the documents."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from string import Template

import torch

from fivestep.version import __version__

from .trials import Row
from .works import NAMES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
TEMPLATE = Path(__file__).with_name("page.template")
WINDOWS = ("before ", "during ", "after ", "at an instant")
DAMAGES = ("damages", "crafted")  # of these the table shows what came of them, not what was done


def line(row: Row) -> str:
    """One part, in one line and the lines of its figures."""
    word = "all held" if not row.failures else f"{len(row.failures)} FAILED"
    figures = _joined(row.counts)
    return f"{row.title}: {row.trials:,} trials, {word} ({row.seconds:.0f} s)\n    {figures}"


def failures(rows: list[Row]) -> str:
    """Name every trial that failed, and how to make it again."""
    return "\n".join(
        f"python -m benchmarks.chaos --only {row.name} --trial {number}\n  {text}"
        for row in rows
        for number, text in row.failures.items()
    )


def write(rows: list[Row], command: str) -> None:
    """Write the page."""
    text = Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        command=command,
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        fivestep=__version__,
        torch=torch.__version__,
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        rows="\n".join(_row(row) for row in rows),
        configurations=len(NAMES),
        names="; ".join(NAMES),
        windows="\n".join(_windows(row) for row in rows if row.name in ("kills", "power")),
    )
    PAGE.write_text(text, encoding="utf-8")


def _row(row: Row) -> str:
    shown = {name: count for name, count in row.counts.items() if not name.startswith(WINDOWS)}
    if row.name in DAMAGES:
        shown = {name[3:]: count for name, count in shown.items() if name.startswith("=> ")}
    shown = {name.removeprefix("=> "): count for name, count in shown.items()}
    return f"| {row.name}: {row.title} | {row.trials:,} | {_joined(shown)} | {len(row.failures)} |"


def _windows(row: Row) -> str:
    fell = {name: count for name, count in row.counts.items() if name.startswith(WINDOWS)}
    return f"- {row.name}: {_joined(fell)}"


def _joined(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items()))
