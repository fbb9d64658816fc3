"""Runs beside each other, as a table for people or as plain values for programs."""

from __future__ import annotations

import json
import math
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from fivestep.live.places import beside
from fivestep.live.reading import Reading
from fivestep.page.protocol import Message

ALWAYS = ("options.watch", "options.progress")  # that change nothing of a run's numbers
TELLING = ("run", "state", "last", "", "best", "iterations", "when")  # "": the first setting
GAP = 2  # characters between two columns
LONG = 30  # characters of a setting
MOST = 6  # settings in the table on a terminal; --json has all


class Row(NamedTuple):
    """One run."""

    name: str
    when: float | None  # seconds since 1970
    state: str
    iterations: int
    monitored: str
    last: float | None
    best: float | None
    best_at: int | None  # its iteration
    settings: dict[str, Any]


def row(journal: Path, problems: list[str]) -> Row:
    """Read one run, and say in words what of it is damaged.

    Raises:
        ValueError: the file is no record of a run.
    """
    reading = Reading(journal)
    messages = reading.news()
    problems += [words.splitlines()[0] for words in reading.damaged]
    hello = next((one for one in messages if one["kind"] == "hello"), {})
    end = next((one for one in reversed(messages) if one["kind"] == "end"), None)
    options = hello.get("setup", {}).get("options", {})
    monitored, least = _monitored(options, messages)
    values = [
        (one["iteration"], _value(one[monitored]))
        for one in messages
        if one["kind"] == "entry" and monitored in one
    ]
    known = [(at, value) for at, value in values if math.isfinite(value)]
    best = (min if least else max)(known, key=lambda one: one[1], default=(None, None))
    if end is not None and end.get("best") and monitored in end["best"]:
        best = (end["best"]["iteration"], _value(end["best"][monitored]))
    return Row(
        journal.stem, hello.get("began") or _began(journal), _state(reading, end),
        reading.iteration, monitored, values[-1][1] if values else None, best[1], best[0],
        flat(hello),
    )  # fmt: skip


def rows(journals: list[Path]) -> tuple[list[Row], list[str]]:
    """Read runs, and say in words which files are none."""
    found: list[Row] = []
    problems: list[str] = []
    for one in journals:
        try:
            found.append(row(one, problems))
        except (OSError, ValueError, KeyError) as error:
            problems.append(str(error).splitlines()[0])
    return found, problems


def flat(hello: Message) -> dict[str, Any]:
    """The settings and versions of a run, each under one name with points in it."""
    if not hello:  # nothing was written yet
        return {}
    setup = {name: part for name, part in hello.get("setup", {}).items() if name != "loop"}
    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [("", {**setup, "seed": hello.get("seed")})]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{name}.{key}".lstrip("."), part) for key, part in value.items()]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            waiting += [(f"{name}.{place}", part) for place, part in enumerate(value)]
        elif name not in ALWAYS:
            found[name] = value
    return found


def differing(rows: list[Row]) -> list[str]:
    """The settings that are not the same in all runs that have them."""
    values: dict[str, set[str]] = {}
    for one in rows:
        for name in sorted(one.settings):
            value = json.dumps(one.settings[name], sort_keys=True)
            values.setdefault(name, set()).add(value)
    return [name for name, found in values.items() if len(found) > 1]


def plain(rows: list[Row]) -> list[dict[str, Any]]:
    """The rows for programs; NaN and inf are words."""
    names = differing(rows)
    return [
        {
            "run": one.name, "began": one.when, "state": one.state, "iterations": one.iterations,
            "monitored": one.monitored, "last": _word(one.last), "best": _word(one.best),
            "best_iteration": one.best_at,
            "differs": {name: one.settings.get(name) for name in names},
        }
        for one in rows
    ]  # fmt: skip


class Column(NamedTuple):
    """One column of the table: what stands in it is never cut."""

    name: str
    cells: list[str]
    right: bool = False
    setting: str = ""  # its whole name

    @property
    def width(self) -> int:
        """Characters that it takes."""
        return max(map(len, (self.name, *self.cells))) + GAP


def printed(rows: list[Row], *, file: Any = None) -> None:
    """Print the rows, the oldest first. What has no room on a terminal is left out and named."""
    from rich.table import Table

    from fivestep.paper import Console, Text

    console = Console(file=file)
    names = differing(rows)
    columns = [*_fixed(rows), *(_setting(rows, name) for name in names[:MOST])]
    limit = console.width if console.is_terminal or "COLUMNS" in os.environ else None
    kept = columns if limit is None else _fitting(columns, limit)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for one in kept:
        table.add_column(Text(one.name), justify="right" if one.right else "left", no_wrap=True)
    for cells in zip(*(one.cells for one in kept), strict=True):
        table.add_row(*map(Text, cells))
    # A name that is longer than the line is the terminal's to break: so it can be copied.
    if (width := sum(one.width for one in kept)) > console.width:
        console = Console(file=file, width=width)
    console.print(table)
    _said_below(console, rows, names, columns, kept)


def _fixed(rows: list[Row]) -> list[Column]:
    return [
        Column("run", [one.name for one in rows]),
        Column("when", [_when(one.when) for one in rows]),
        Column("state", [one.state for one in rows]),
        Column("iterations", [f"{one.iterations:,}" for one in rows], right=True),
        Column("last", [_short(one.last) for one in rows], right=True),
        Column("best", [_best(one) for one in rows], right=True),
    ]


def _setting(rows: list[Row], name: str) -> Column:
    cells = [_cell(one.settings.get(name)) for one in rows]
    cells = [one if len(one) <= LONG else f"{one[: LONG - 1]}…" for one in cells]
    return Column(name.rpartition(".")[2], cells, setting=name)


def _fitting(columns: list[Column], width: int) -> list[Column]:
    """Those that there is room for, the most telling first; the name in any case."""
    order = {name: place for place, name in enumerate(TELLING)}
    first = next((one for one in columns if one.setting), None)
    ranked = sorted(
        columns,
        key=lambda one: order["" if one is first else one.name] if one is first or not one.setting
        else len(order),
    )  # fmt: skip
    kept, room = [ranked[0]], width + GAP - ranked[0].width  # nothing stands after the last gap
    for one in ranked[1:]:
        if one.width <= room:
            kept.append(one)
            room -= one.width
    return [one for one in columns if one in kept]


def _said_below(
    console: Any, rows: list[Row], names: list[str], columns: list[Column], kept: list[Column]
) -> None:
    monitored = sorted({one.monitored for one in rows})
    lines = [f"last and best: {', '.join(monitored)}"]
    if left := [one.name for one in columns if one not in kept and not one.setting]:
        lines.append(f"no room for: {', '.join(left)}; --json has all")
    shown = {one.setting for one in kept}
    if more := [name for name in names if name not in shown]:
        differ = "setting differs" if len(more) == 1 else "settings differ"
        lines.append(f"{len(more)} more {differ}: {', '.join(more)}")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _monitored(options: Message, messages: list[Message]) -> tuple[str, bool]:
    monitored = options.get("monitor")
    if monitored:
        return monitored, options.get("mode") != "max"
    validated = any("validation_loss" in one for one in messages if one["kind"] == "entry")
    return ("validation_loss" if validated else "loss"), True


def _state(reading: Reading, end: Message | None) -> str:
    if not reading.heard:
        return "empty"
    if end is not None:
        return str(end["reason"])
    silence = reading.silence()
    if silence is None:
        return "running"
    return "stopped without a word" if silence["dead"] else f"silent for {silence['seconds']:,} s"


def _began(journal: Path) -> float | None:
    try:
        return time.mktime(time.strptime(journal.stem[:15], "%Y%m%d-%H%M%S"))
    except ValueError:
        return journal.stat().st_mtime if journal.exists() else beside(journal).stat().st_mtime


def _value(value: Any) -> float:
    return float(value) if isinstance(value, (int, float, str)) else float("nan")


def _word(value: float | None) -> float | str | None:
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _when(seconds: float | None) -> str:
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _best(one: Row) -> str:
    return _short(one.best) + ("" if one.best_at is None else f" at {one.best_at:,}")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
