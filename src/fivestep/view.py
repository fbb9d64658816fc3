"""A recorded run, shown in a notebook by the page's component."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fivestep.page.inside import encoded, is_record, recorded
from fivestep.page.protocol import Message, number, versions
from fivestep.report.plain import as_finding
from fivestep.run import Run

KNOB = {"works": False, "why": "this is a recording", "value": None, "unit": ""}
KNOBS = ("lr", "momentum", "skip_zero_grad", "zero_grad_at", "clip", "eval_mode")


def view(run: Run | str | os.PathLike[str]) -> Any:
    """Show a recorded run in a notebook: Jupyter, marimo, VS Code.

    Args:
        run: what ``fit`` returned; or a path: a record of ``fivestep step --record``, the journal
            of a ``fit``, or a directory of journals, of which the newest is shown.

    Returns:
        A widget, to be the last expression of a cell.

    Raises:
        FileNotFoundError: there is no such file, or no run in the directory.
        ImportError: anywidget is not installed.
        ValueError: the file is no record.
    """
    from fivestep.page.widget import replay

    if not isinstance(run, Run):
        path = Path(run)
        if path.is_file() and is_record(path):
            return replay(recorded(path))
        run = Run.load(path)
    text = encoded(_told(run))
    return replay(lambda: text)


def _told(run: Run) -> list[Message]:
    """What a run knows of itself, as messages."""
    name = run.path.name if run.path is not None else "fit"
    knobs = {knob: KNOB | ({"choices": [None]}) for knob in KNOBS}
    told: list[Message] = [
        {
            "kind": "hello", "run": name, "script": name, "arguments": [], "sources": [],
            "versions": versions(), "mode": "replay", "knobs": knobs,
        }
    ]  # fmt: skip
    told += [_iteration(one) for one in run.history]
    told += [{"kind": "finding", "seq_of": None} | as_finding(one) for one in run.findings]
    return [*told, {"kind": "end", "reason": _reason(run), "message": run.message}]


def _iteration(entry: Message) -> Message:
    return {
        "kind": "iteration", "iteration": entry["iteration"], "loss": number(entry.get("loss")),
        "rate": number(entry.get("learning_rate")), "layers": [], "seconds": {},
        "gradient_norm": number(entry.get("gradient_norm")),
    }  # fmt: skip


def _reason(run: Run) -> str:
    return run.reason if run.reason in ("failed", "interrupted") else "finished"
