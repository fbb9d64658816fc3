"""Where the messages of a run stand, and how much of its layers is kept in them."""

from __future__ import annotations

from pathlib import Path

PAGE = ".page.jsonl"  # how the name of such a file ends
COLUMNS = 128  # iterations whose layers are written before they become rarer
LAYERS = 64  # of each


def beside(journal: Path) -> Path:
    """Where the messages of a run stand: beside its journal."""
    return journal.with_name(journal.stem + PAGE)
