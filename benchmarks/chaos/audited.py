"""Watches what Python's audit events tell, so that no load may run code unseen."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

# Events of what a load does anyhow; everything else that is told while it is watched is counted.
_seen: Counter[str] = Counter()
_watching: list[bool] = []  # an audit hook can never be taken away, so it has a switch


def begin(allowed: frozenset[str] = frozenset()) -> None:
    """Install the hook, in a process that ends soon."""

    def hook(event: str, _: tuple[object, ...]) -> None:
        if _watching and event not in allowed:
            _seen[event] += 1

    sys.addaudithook(hook)


@contextmanager
def watched() -> Generator[Counter[str]]:
    """Collect the events of what is done inside."""
    _seen.clear()
    _watching.append(True)
    try:
        yield _seen
    finally:
        _watching.pop()
