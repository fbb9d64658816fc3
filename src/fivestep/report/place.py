"""A line of the user's code, named and shown in the way that its reader knows it."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from typing import Any

from fivestep.vitals.facts import Site

AROUND = 2  # lines of source before and after the one that is marked


def shown(site: Site | None) -> str:
    """``train.py:31``, or ``Cell In[3], line 5`` as a notebook names it."""
    if site is None:
        return "no line of yours"
    inside = cell(site)
    return f"Cell {inside}, line {site.line}" if inside else f"{near(site)}:{site.line}"


def cell(site: Site) -> str | None:
    """The cell of a notebook that holds the line: ``In[3]``; None if it is in a file.

    IPython compiles every cell to a file that is on no disk. Only its compiler knows which.
    """
    ipython: Any = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    naming = getattr(getattr(shell, "compile", None), "format_code_name", None)
    name = naming(site.file) if naming is not None else None
    return str(name[1]) if name else None


def near(site: Site) -> Path:
    """The path from here, if the file lies below; else as it is."""
    path, here = Path(site.file), Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def line(site: Site | None) -> str:
    """The line as it stands in the file, "" if it cannot be read."""
    return linecache.getline(site.file, site.line).strip() if site is not None else ""


def excerpt(site: Site | None) -> list[tuple[int, str]]:
    """The lines around the one that shows it, each with its number; empty ones are left out."""
    if site is None or not linecache.getline(site.file, site.line):
        return []
    numbers = range(max(1, site.line - AROUND), site.line + AROUND + 1)
    texts = [(number, linecache.getline(site.file, number).rstrip()) for number in numbers]
    return [(number, text) for number, text in texts if text or number == site.line]
