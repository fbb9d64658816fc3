"""Vitals to JSON and back, by the types of the fields.

A field that has its default is left out; NaN and inf are written as strings.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import math
import types
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from fivestep.vitals.events import EVENTS, Event
from fivestep.vitals.record import SCHEMA, Record, Vitals

VITALS = ".vitals.jsonl"  # how the name of such a file ends


def encode(value: Any) -> Any:
    """Turn a dataclass and all that it holds into plain JSON values."""
    if is_dataclass(value) and not isinstance(value, type):
        plain = {
            field.name: encode(one)
            for field in fields(value)
            if not _is_default(field, one := getattr(value, field.name))
        }
        return (
            {"event": type(value).__name__.lower(), **plain} if isinstance(value, Event) else plain
        )
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {key: encode(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _is_default(field: Field[Any], value: Any) -> bool:
    if field.default is not MISSING:
        return type(value) is type(field.default) and value == field.default
    return field.default_factory is not MISSING and not value


def decode(kind: Any, value: Any) -> Any:
    """Read what ``encode`` wrote as a value of type ``kind``."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return (
            None
            if value is None
            else decode(next(one for one in inner if one is not type(None)), value)
        )
    if kind is float:
        return float(value)
    if kind is Event:
        return _object(EVENTS[value["event"]], value)
    if is_dataclass(kind):
        return _object(kind, value)
    if origin is tuple:
        each = inner[:1] * len(value) if inner[-1] is ... else inner
        return tuple(decode(one, item) for one, item in zip(each, value, strict=True))
    if origin is list:
        return [decode(inner[0], item) for item in value]
    if origin is dict:
        return {key: decode(inner[1], item) for key, item in value.items()}
    return value


def _object(kind: Any, value: dict[str, Any]) -> Any:
    hints = _hints(kind)
    return kind(
        **{name: decode(hints[name], item) for name, item in value.items() if name in hints}
    )


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def save(record: Record, path: Path) -> Path:
    """Write a record as JSON lines."""
    head = encode(record)
    iterations = head.pop("iterations", [])  # what is empty is not written
    lines = [{"schema": SCHEMA, "record": head}, *iterations]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
    return path


def load(path: Path) -> Record:
    """Read a record; a last line that was cut off is left out.

    Args:
        path: the file, or that of the run beside which it stands, or a directory: the newest in it.

    Raises:
        ValueError: the file is no record, or of a newer schema.
        FileNotFoundError: there is none.
    """
    path = _vitals_of(path)
    lines = path.read_text().splitlines()
    head = json.loads(lines[0]) if lines and lines[0].startswith("{") else {}
    if head.get("schema") != SCHEMA:
        raise ValueError(
            f"{path} is no record of schema {SCHEMA} "
            f"(its first line has schema {head.get('schema')})\n"
            "  do: name a file that `fivestep run --record FILE` or `fit(record=...)` wrote"
        )
    record: Record = decode(Record, {**head["record"], "iterations": []})
    for line in lines[1:]:
        try:
            record.iterations.append(decode(Vitals, json.loads(line)))
        except json.JSONDecodeError:
            break
    return record


def beside(journal: Path) -> Path:
    """Where the vitals of a run stand: beside its journal."""
    return journal.with_name(journal.stem + VITALS)


def _vitals_of(path: Path) -> Path:
    """The file of the vitals, where a run or a directory of runs was named."""
    if path.is_dir():
        found = sorted(path.glob("*vitals.jsonl"), key=lambda one: one.stat().st_mtime_ns)
        if not found:
            raise FileNotFoundError(
                f"there are no vitals (*vitals.jsonl) in {path}\n"
                "  do: name what `fivestep run --record FILE` or `fit(record=...)` wrote"
            )
        return found[-1]
    return beside(path) if beside(path).exists() else path
