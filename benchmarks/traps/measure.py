"""One library through all traps: what came out, or why nothing did."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from .truths import TRAPS, Trap


class NoNotionError(Exception):
    """The library has no such thing; the message says what it has instead."""


@dataclass(frozen=True)
class Seen:
    """The number that came out, or a tensor of it, and what other documented options give."""

    value: Any
    also: Mapping[str, Any] = field(default_factory=dict[str, Any])
    how: str = ""  # a remark, where the number needs one


@dataclass(frozen=True)
class Cell:
    """One library in one trap, as the page needs it: a value, or why there is none."""

    trap: str
    value: float | None = None
    also: Mapping[str, float] = field(default_factory=dict[str, float])
    how: str = ""
    none: str = ""
    failed: str = ""


@dataclass(frozen=True)
class Column:
    """One library: its name, its version, its cells; ``missing`` says why it could not be run."""

    name: str
    version: str
    cells: list[Cell]
    missing: str = ""


def is_right(trap: Trap, value: float) -> bool:
    """Tell whether a number is the true one; NaN is the truth where it was logged as such."""
    if math.isnan(trap.truth):
        return math.isnan(value)
    return abs(value - trap.truth) <= trap.tolerance


def column(name: str) -> Column:
    """Run one library's file."""
    try:
        module = import_module(f".{name}", __package__)
    except Exception as error:  # an installation can break in other ways than by its absence
        return Column(name, "", [], missing=f"{type(error).__name__}: {error}")
    package = module.PACKAGE
    return Column(module.NAME, version(package), [cell(trap, module) for trap in TRAPS])


def cell(trap: Trap, module: ModuleType) -> Cell:
    """Put one trap to one library. What the library itself raises is told, never swallowed."""
    torch.manual_seed(0)
    take: Callable[[], Any] = getattr(module, trap.name)
    try:
        seen = take()
    except NoNotionError as reason:
        return Cell(trap.name, none=str(reason))
    except Exception as error:
        traceback.print_exc()
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        return Cell(trap.name, failed=said)
    also = {option: _number(value) for option, value in seen.also.items()}
    return Cell(trap.name, _number(seen.value), also, seen.how)


def _number(value: Any) -> float:
    return float(value.detach() if isinstance(value, torch.Tensor) else value)


def save(made: Column, path: Path) -> None:
    """Write a column for another process to read."""
    path.write_text(json.dumps(asdict(made), indent=1), encoding="utf-8")


def load(path: Path) -> Column:
    """Read back what ``save`` wrote."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return Column(**raw | {"cells": [Cell(**one) for one in raw["cells"]]})
