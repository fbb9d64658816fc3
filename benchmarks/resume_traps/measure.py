"""One library through all traps: what happened, in a word and in figures."""

from __future__ import annotations

import json
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from benchmarks.traps.measure import NoNotionError

from .bench import Bench
from .truths import TRAPS, Answer, Trap


@dataclass(frozen=True)
class Column:
    """One library under one set of options; ``missing`` says why it could not be run."""

    name: str
    version: str
    options: str
    cells: dict[str, Answer]
    missing: str = ""


def columns(name: str, wanted: Sequence[str] = ()) -> list[Column]:
    """Run one library's file: with its defaults, and with its best options if it has any."""
    try:
        module = import_module(f".{name}", __package__)
    except Exception as error:  # an installation can break in other ways than by its absence
        return [Column(name, "", "", {}, missing=f"{type(error).__name__}: {error}")]
    return [_column(module, best, wanted) for best in ([False, True] if module.BEST else [False])]


def _column(module: ModuleType, best: bool, wanted: Sequence[str]) -> Column:
    chosen = [trap for trap in TRAPS if not wanted or trap.name in wanted]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(module, Path(folder), best=best)
        cells = {trap.name: answer(trap, bench) for trap in chosen}
    return Column(module.NAME, version(module.PACKAGE), module.BEST if best else "", cells)


def answer(trap: Trap, bench: Bench) -> Answer:
    """Put one trap to one library; what goes wrong with the trap itself is told."""
    try:
        return trap.judge(bench)
    except NoNotionError as reason:
        return Answer("not offered", str(reason))
    except Exception as error:
        traceback.print_exc()
        return Answer("failed", f"{type(error).__name__}: {error}".splitlines()[0])


def save(made: Sequence[Column], path: Path) -> None:
    """Write columns for another process to read."""
    path.write_text(json.dumps([asdict(one) for one in made], indent=1), encoding="utf-8")


def load(path: Path) -> list[Column]:
    """Read back what ``save`` wrote."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    return [
        Column(**one | {"cells": {name: Answer(**cell) for name, cell in one["cells"].items()}})
        for one in raw
    ]
