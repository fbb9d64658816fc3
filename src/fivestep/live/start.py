"""The viewer of a training: a process of its own, that outlives it and that it outlives."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import IO

NEEDS = ("starlette", "uvicorn")
PATIENCE = 30.0  # seconds for the viewer to say its address
_viewers: list[subprocess.Popen[str]] = []  # held: one that is forgotten while it runs is warned of


def missing() -> str:
    """Say in words what the page needs and is not here; "" if it is."""
    names = [name for name in NEEDS if find_spec(name) is None]
    if not names:
        return ""
    return f"the page needs {' and '.join(names)}\n  do: pip install 'fivestep[page]'"


def leads() -> bool:
    """Tell whether this is the rank that shows itself."""
    return os.environ.get("RANK", "0") == "0"


def start_viewer(journal: Path, *, browser: bool = False) -> str:
    """Start the viewer of a run; return its address, or words why there is none."""
    command = [sys.executable, "-P", "-m", "fivestep", "watch", "--for-a-training"]
    command += ["--browser" if browser else "--no-browser", str(journal)]
    # A session of its own: Ctrl-C in the terminal is meant for the training.
    try:
        viewer = subprocess.Popen(
            command, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return f"the viewer did not start, and the training goes on without it: {error}"
    _viewers[:] = [one for one in _viewers if one.poll() is None]
    _viewers.append(viewer)
    assert viewer.stdout is not None
    lines: list[str] = []
    reader = threading.Thread(target=_first, args=(viewer.stdout, lines), daemon=True)
    reader.start()
    reader.join(PATIENCE)
    return lines[0] if lines and lines[0] else "the viewer did not start: fivestep watch shows why"


def _first(stream: IO[str], lines: list[str]) -> None:
    with stream:
        lines.append(stream.readline().strip())


def _environment() -> dict[str, str]:
    # The viewer finds this very fivestep, wherever it was imported from.
    here = str(Path(__file__).resolve().parents[2])
    known = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{known}{os.pathsep}{here}" if known else here}
