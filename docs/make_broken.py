"""Write docs/broken.md: each loop of examples/broken, and what the doctor says of it.

    python docs/make_broken.py

A test runs it again and compares; numbers that depend on the machine may differ there.
"""

from __future__ import annotations

import ast
import contextlib
import io
import warnings
from pathlib import Path

import torch

import fivestep
from fivestep.cli import BROKEN
from fivestep.listen.script import run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path("examples/broken")
HEAD = """\
# Twelve loops with a fault, and what the doctor says

Each is a short script as a beginner writes it, and runs as it stands: `fivestep run
examples/broken/zigzag.py`, or `fivestep demo zigzag` from anywhere. The reports are what it prints,
written here by `make docs`. A test makes the change that each report names and sees that the doctor
has nothing more to say.
"""


def page() -> str:
    """The whole page, from running every script."""
    return "\n".join([HEAD, *map(section, BROKEN)])


def section(name: str) -> str:
    """A script's own words, a link to it, and its report."""
    path = FOLDER / f"{name}.py"
    docstring = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8")))
    title = name.replace("_", " ").capitalize().replace("nan", "NaN")
    link = f"[{path.name}](../{path.as_posix()})"
    return f"## {title}\n\n{docstring}\n{link}:\n\n```\n{report(path).rstrip()}\n```\n"


def report(path: Path) -> str:
    """What the doctor says of a script, seen from the top of the repository."""
    torch.set_num_threads(1)
    doctor, nowhere = fivestep.listen(), io.StringIO()
    with contextlib.chdir(ROOT), contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch sees some of these faults, too
        run(doctor, str(path), [], module=False)
        return str(doctor.report())


if __name__ == "__main__":
    (ROOT / "docs" / "broken.md").write_text(page(), encoding="utf-8")
