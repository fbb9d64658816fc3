"""What the doctor says, for people on a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from typing import TextIO

from fivestep.finding import Finding, Report, Severity
from fivestep.paper import Console, Text
from fivestep.report.place import excerpt, shown
from fivestep.report.words import closing, headline, seen, troubles
from fivestep.vitals.facts import Site

COLOURS = {
    Severity.WRONG: "bold red",
    Severity.SUSPICIOUS: "bold yellow",
    Severity.COSTLY: "bold blue",
}
INDENT = 7  # of whatever stands behind a label
NARROW = 40  # columns; a narrower terminal breaks the lines itself


def print_report(report: Report, *, file: TextIO | None = None) -> None:
    """Print a report: on standard error; in colour, and in lines that fit, on a terminal only."""
    _print(report, _console(file or sys.stderr))


def as_text(report: Report) -> str:
    """The printed report as plain text."""
    page = io.StringIO()
    _print(report, _console(page, plain=True))
    return page.getvalue()


def _console(file: TextIO, *, plain: bool = False) -> Console:
    return Console(
        file=file, highlight=False, soft_wrap=True, emoji=False,
        force_jupyter=False,  # else in a notebook every line becomes an output of its own
        force_terminal=False if plain else None,  # a notebook's kernel sets FORCE_COLOR
    )  # fmt: skip


def _print(report: Report, console: Console) -> None:
    for line in _lines(report):
        console.print(_fitted(line, console))


def _fitted(line: Text, console: Console) -> Text:
    """A line that is too long for the terminal goes on below itself, not at the margin."""
    fits = len(line) <= console.width or "|" in line.plain[: INDENT + 3]  # source stays whole
    if fits or not console.is_terminal or console.width < NARROW:
        return line
    first, *more = line.wrap(console, console.width)
    below = Text(" ").join(more).wrap(console, console.width - INDENT)
    return Text("\n").join([first, *(Text(" " * INDENT) + one for one in below)])


def _lines(report: Report) -> Iterator[Text]:
    yield Text(f"fivestep: {headline(report)}", style="bold")
    for finding in report.findings:
        yield Text()
        yield from _finding_lines(finding)
    if report.findings:
        yield Text()
    yield from (Text(line, style="dim") for line in closing(report))
    yield from (Text(line, style="yellow") for line in troubles(report))


def _finding_lines(finding: Finding) -> Iterator[Text]:
    yield Text.assemble(
        (finding.severity.value, COLOURS[finding.severity]), "  ",
        (f"{finding.rule} ({finding.code})", "bold"), "  ", (shown(finding.site), "cyan"),
    )  # fmt: skip
    yield Text(f"  {finding.message}")
    source = list(_source(finding.site))
    if source:
        yield from (Text(), *source, Text())
    yield _labelled("why", finding.cause)
    yield _labelled("fix", finding.fix, style="green")
    yield _labelled("seen", seen(finding))
    for one in finding.consequences:
        yield _labelled("so", f"{one.rule} ({one.code}) follows from it: {one.message}")
    yield _labelled("more", f"fivestep explain {finding.rule}", style="dim")


def _labelled(label: str, text: str, *, style: str = "") -> Text:
    return Text.assemble((f"  {label:<5}", "dim"), (text, style))


def _source(site: Site | None) -> Iterator[Text]:
    """The lines around the one that shows it, that one marked."""
    for number, text in excerpt(site):
        marked = site is not None and number == site.line
        yield Text(
            f"  {'>' if marked else ' '} {number:>5} | {text}", style="bold" if marked else "dim"
        )
