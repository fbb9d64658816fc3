"""The messages of a film: iterations put together into points, ever longer ones as a run grows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from fivestep.live.pace import Pace
from fivestep.live.places import COLUMNS, LAYERS
from fivestep.loop import Step
from fivestep.page.protocol import VERSION, Message, encode

DIGITS = 9  # of a number: as many as a float32 has
POINTS = 2048  # written before several iterations share one
BROKEN = 64  # iterations with a loss that is no number which get a point of their own
KINDS = ("data", *(step.value for step in Step), "other")


class Iterated(NamedTuple):
    """One iteration, as the loop tells it."""

    iteration: int
    epoch: int
    loss: float
    gradient_norm: float
    rate: float
    samples: int
    at: float  # seconds since the start
    wall: float  # seconds since the end of the one before
    spent: tuple[float, ...]  # of these, by kind, but the last
    update: Any  # the doctor's event with the norms of each layer, where it measured them


class Point:
    """Iterations put together, one after the other.

    Args:
        state: what one of them had collected, to collect on.
    """

    def __init__(self, state: Message | None = None) -> None:
        self.state: Message = state or {
            "count": 0, "finite": 0, "sum": 0.0, "low": math.inf, "high": -math.inf, "norm": 0.0,
            "wall": 0.0, "samples": 0, "spent": [0.0] * (len(KINDS) - 1), "last": None,
        }  # fmt: skip

    def __bool__(self) -> bool:
        return self.state["count"] > 0

    def add(self, one: Iterated) -> None:
        """Take in an iteration."""
        state = self.state
        norm = one.gradient_norm
        state["norm"] = _larger(state["norm"], norm) if state["count"] else norm
        state["count"] += 1
        state["wall"] += one.wall
        state["samples"] += one.samples
        state["spent"] = [a + b for a, b in zip(state["spent"], one.spent, strict=True)]
        state["last"] = [one.iteration, one.epoch, one.at, one.loss, one.rate]
        if math.isfinite(one.loss):
            state["finite"] += 1
            state["sum"] += one.loss
            state["low"], state["high"] = min(state["low"], one.loss), max(state["high"], one.loss)

    def told(self) -> Message:
        """The fields of its message."""
        state = self.state
        iteration, epoch, at, loss, rate = state["last"]
        count, finite = state["count"], state["finite"]
        told: Message = {
            "iteration": iteration, "epoch": epoch, "at": _figure(at, 6),
            "loss": _figure(state["sum"] / finite if finite else loss), "rate": _figure(rate),
            "gradient_norm": _figure(state["norm"]), "layers": [], "seconds": self._shares(),
            "samples_per_second": _figure(state["samples"] / max(state["wall"], 1e-9), 4),
        }  # fmt: skip
        if count > 1:
            told |= {"count": count}
        if finite > 1:
            told |= {"low": _figure(state["low"]), "high": _figure(state["high"])}
        if 0 < finite < count:
            told |= {"broken": count - finite}
        return told

    def _shares(self) -> dict[str, float]:
        """Seconds of an iteration by kind, their mean; what no step took is ``other``."""
        count, wall = self.state["count"], self.state["wall"]
        sums = [max(one, 0.0) for one in self.state["spent"]]
        sums.append(max(wall - sum(sums), 0.0))
        return {name: float(f"{part / count:.3g}") for name, part in zip(KINDS, sums, strict=True)}


class Writer:
    """Puts iterations together, and gives every message its number.

    Args:
        append: takes a line and its end.
    """

    def __init__(self, append: Callable[[bytes], None]) -> None:
        self._append = append
        self.parameters: Any = None
        self.restore(None)

    def restore(self, state: Message | None) -> None:
        """Go on from what ``state`` collected; None: from the beginning."""
        given = state or {}
        self._seq, self._broken = given.get("seq", 0), given.get("broken", 0)
        self._entries, self.iteration = given.get("entries", 0), given.get("iteration", 0)
        self.seconds = given.get("seconds", 0.0)
        paces = given.get("paces", ([0, 0.0],) * 3)
        self._points = Pace(POINTS, last=paces[0])
        self._columns = Pace(COLUMNS, clocked=False, last=paces[1])
        self._entry_pace = Pace(POINTS, clocked=False, last=paces[2])
        self._window = Point(_numbers(given["window"]) if given.get("window") else None)
        self._last_entry: Message | None = given.get("entry")  # that was not written
        self._updates: list[Iterated] = []  # measured, and perhaps still on their way

    def state(self) -> Message:
        """Collect what it goes on from, in what JSON knows."""
        self._write_columns()
        return _words({
            "seq": self._seq, "broken": self._broken, "entries": self._entries,
            "iteration": self.iteration, "seconds": self.seconds,
            "paces": [one.last for one in (self._points, self._columns, self._entry_pace)],
            "window": self._window.state if self._window else None, "entry": self._last_entry,
        })  # fmt: skip

    def take(self, kind: str, told: Any) -> None:
        """Write a message, or keep an iteration for the next point."""
        if kind == "iteration":
            self._add(told)
        elif kind == "entry":
            self._entry(told)
        else:
            if kind == "end":
                self.flush()
            self._write(kind, told)

    def round(self, seconds: float) -> None:
        """Write a point that the clock asks for."""
        if self._window and self._points.due(self.iteration, seconds):
            self._point()

    def flush(self) -> None:
        """Write what was kept."""
        if self._window:
            self._point()
        if self._last_entry is not None:
            self._write("entry", self._last_entry)
            self._last_entry = None

    def _add(self, one: Iterated) -> None:
        self._window.add(one)
        self.iteration, self.seconds = one.iteration, one.at
        broken = not math.isfinite(one.loss) and self._broken < BROKEN
        self._broken += broken
        if one.update is not None and self._columns.due(one.iteration):
            self._updates.append(one)
        if self._points.due(one.iteration, one.at) or broken:
            self._point()

    def _point(self) -> None:
        window, self._window = self._window, Point()
        self._write("iteration", window.told())
        self._write_columns()

    def _write_columns(self) -> None:
        """A column is a message of its own: it belongs to one iteration, a point to several."""
        waiting, self._updates = self._updates, []
        for one in waiting:
            if one.update.norms is None:  # not yet read from the device
                self._updates.append(one)
                continue
            rows = [self._ratio(norm) for norm in one.update.norms[:LAYERS]]
            self._write("layers", {"iteration": one.iteration, "layers": rows})
        del self._updates[:-COLUMNS]

    def _ratio(self, norm: Any) -> list[Any]:
        name = self.parameters[norm.parameter].name if self.parameters else str(norm.parameter)
        ratio = norm.update / norm.weight if norm.weight else 0.0
        known = ratio > 0 and math.isfinite(ratio)
        return [name, round(math.log10(ratio), 3) if known else None]

    def _entry(self, entry: Message) -> None:
        self._entries += 1
        if self._entry_pace.due(self._entries):
            self._write("entry", entry)
            self._last_entry = None
        else:
            self._last_entry = entry

    def _write(self, kind: str, fields: Message) -> None:
        self._seq += 1
        line = encode({"v": VERSION, "seq": self._seq, "kind": kind} | fields)
        self._append(line + b"\n")


def _larger(one: float, other: float) -> float:
    """The larger; NaN if one of them is: that is larger than any (``max`` goes by the order)."""
    return one if math.isnan(one) or other <= one else other


def _figure(value: float, digits: int = DIGITS) -> float | str:
    if math.isfinite(value):
        return float(f"{value:.{digits}g}")
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _words(value: Any) -> Any:
    return json.loads(encode(value))


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    return float(value) if isinstance(value, str) else value
