"""Runs beside each other, as a table for people or as plain values for programs."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

from fivestep.live.places import beside
from fivestep.live.reading import Reading
from fivestep.page.protocol import Message

ALWAYS = ("options.watch", "options.progress")  # that change nothing of a run's numbers
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


def row(journal: Path) -> Row:
    """Read one run.

    Raises:
        ValueError: the file is no record of a run.
    """
    reading = Reading(journal)
    messages = reading.news()
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
            found.append(row(one))
        except (OSError, ValueError, KeyError) as error:
            problems.append(str(error).splitlines()[0])
    return found, problems


def flat(hello: Message) -> dict[str, Any]:
    """The settings and versions of a run, each under one name with points in it."""
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
    """The settings that are not the same in all runs."""
    names = dict.fromkeys(name for one in rows for name in sorted(one.settings))
    return [
        name
        for name in names
        if len({json.dumps(one.settings.get(name), sort_keys=True) for one in rows}) > 1
    ]


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


def printed(rows: list[Row], *, file: Any = None) -> None:
    """Print the rows, the oldest first."""
    from rich.table import Table

    from fivestep.paper import Console, Text

    names = differing(rows)
    shown = names[:MOST]
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("run", "when", "state"):
        table.add_column(name, overflow="fold")
    for name in ("iterations", "last", "best"):
        table.add_column(name, justify="right", overflow="fold")
    for name in shown:
        table.add_column(name.rpartition(".")[2], overflow="fold")
    for one in rows:
        cells = [one.name, _when(one.when), one.state, f"{one.iterations:,}"]
        cells += [_short(one.last), _best(one), *(_cell(one.settings.get(name)) for name in shown)]
        table.add_row(*(Text(cell) for cell in cells))
    console = Console(file=file)
    console.print(table)
    monitored = sorted({one.monitored for one in rows})
    console.print(f"last and best: {', '.join(monitored)}", markup=False, highlight=False)
    if len(names) > MOST:
        more = ", ".join(names[MOST:])
        console.print(f"{len(names) - MOST} more settings differ: {more}", markup=False)


def _monitored(options: Message, messages: list[Message]) -> tuple[str, bool]:
    monitored = options.get("monitor")
    if monitored:
        return monitored, options.get("mode") != "max"
    validated = any("validation_loss" in one for one in messages if one["kind"] == "entry")
    return ("validation_loss" if validated else "loss"), True


def _state(reading: Reading, end: Message | None) -> str:
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
