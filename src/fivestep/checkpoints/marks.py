"""The best checkpoint: what its manifest says of it, and whether that still holds."""
# What is read here is checked by its own type, which is what the type checker cannot know.
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

Mark = dict[str, Any]


def marked(body: dict[str, Any]) -> Mark | None:
    """Read off a manifest that it was the best when it was saved; None if it does not say so."""
    mark = body.get("best")
    return mark if isinstance(mark, dict) and place_of(mark) is not None else None


def holds(mark: Mark, newest: dict[str, Any]) -> bool:
    """Tell whether a mark still belongs to the training that ``newest`` is the manifest of.

    Where it went back to a place before the mark, what it did after that place is taken out.
    """
    place, seen, returns = place_of(mark), mark.get("returns"), newest.get("returns", [])
    if place is None or not isinstance(seen, int) or not isinstance(returns, list):
        return False
    to = [place_of(one) for one in returns[seen:] if isinstance(one, dict)]
    return all(one is None or one >= place for one in to)


def place_of(mark: Mark) -> tuple[int, int] | None:
    """Read off the iteration and the update that a mark tells of, None where it tells of none."""
    iteration, update = mark.get("iteration"), mark.get("update")
    if isinstance(iteration, int) and isinstance(update, int):
        return iteration, update
    return None
