"""A recorded run, shown in a notebook by the page's component."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from fivestep.journal import FORMAT
from fivestep.live.export import whole
from fivestep.live.places import PAGE
from fivestep.live.reading import find, translated
from fivestep.page.inside import encoded, is_record, recorded
from fivestep.page.protocol import Message
from fivestep.report import as_json
from fivestep.run import Run


def view(run: Run | str | os.PathLike[str]) -> Any:
    """Show a recorded run in a notebook: Jupyter, marimo, VS Code.

    Args:
        run: what ``fit`` returned; or a path: a record of ``fivestep step --record``, the journal
            of a ``fit``, or a directory of journals, of which the newest is shown. What was written
            beside a journal is shown, too.

    Returns:
        A widget, to be the last expression of a cell.

    Raises:
        FileNotFoundError: there is no such file, or no run in the directory.
        ImportError: anywidget is not installed.
        ValueError: the file is no record.
    """
    from fivestep.page.widget import replay

    if isinstance(run, Run):
        told = whole(run.path) if run.path is not None and run.path.exists() else _told(run)
    else:
        path = Path(run)
        if path.is_file() and is_record(path) and not path.name.endswith(PAGE):
            return replay(recorded(path))
        told = whole(find(path))
    text = encoded(told)
    return replay(lambda: text, "film")


def _told(run: Run) -> list[Message]:
    """A run without a file, as its journal would have told it."""
    return list(chain.from_iterable(translated(line, "fit") for line in _lines(run)))


def _lines(run: Run) -> Iterator[Message]:
    yield {"kind": "start", "format": FORMAT, "seed": run.seed, "setup": run.setup}
    for entry in run.history:
        yield {"kind": "record"} | entry
    report = {} if run.report is None else {"report": as_json(run.report)}
    end = {"reason": run.reason, "message": run.message, "best": run.best, "seconds": run.seconds}
    yield {"kind": "end"} | end | report
