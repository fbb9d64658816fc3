"""Trials by number, each the same whenever it is made, spread over some processes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from .lives import ended, forked, trouble

ALL_DAY_SECONDS = 86_400.0


class Told(NamedTuple):
    """What came of a trial: figures that add up, and what failed, if anything."""

    counts: Counter[str]
    failure: str = ""


class Part(NamedTuple):
    """One part of the campaign.

    Attributes:
        title: what is done, as the table says it.
        trial: does it, given a number and a folder of its own to work in.
        whole: how many trials the whole campaign makes; ``short`` the tests.
        alone: whether it runs in one process: it measures something.
    """

    title: str
    trial: Callable[[int, Path], Told]
    whole: int
    short: int
    alone: bool = False


class Row(NamedTuple):
    """A part that was run."""

    name: str
    title: str
    trials: int
    counts: dict[str, int]
    failures: dict[int, str]
    seconds: float


def run(name: str, part: Part, numbers: Sequence[int], scratch: Path, jobs: int) -> Row:
    """Make these trials, in so many processes at once."""
    began = time.monotonic()
    jobs = 1 if part.alone else max(1, min(jobs, len(numbers)))
    folders = [scratch / f"{name} {job}" for job in range(jobs)]
    pids = [_begun(part, numbers[job::jobs], folder) for job, folder in enumerate(folders)]
    for pid in pids:
        ended(pid, seconds=ALL_DAY_SECONDS)
    counts: Counter[str] = Counter()
    failures: dict[int, str] = {}
    for folder, share in zip(folders, (numbers[job::jobs] for job in range(jobs)), strict=True):
        told = _told(folder, share)
        counts.update(told["counts"])
        failures |= {int(number): text for number, text in told["failures"].items()}
    seconds = time.monotonic() - began
    return Row(name, part.title, len(numbers), dict(counts), failures, seconds)


def _begun(part: Part, numbers: Sequence[int], folder: Path) -> int:
    folder.mkdir()

    def work() -> None:
        counts: Counter[str] = Counter()
        failures: dict[int, str] = {}
        for number in numbers:
            told = part.trial(number, folder)
            counts.update(told.counts)
            failures |= {number: told.failure} if told.failure else {}
        (folder / "told.json").write_text(json.dumps({"counts": counts, "failures": failures}))

    return forked(work, folder)


def _told(folder: Path, numbers: Sequence[int]) -> dict[str, dict[str, str]]:
    path = folder / "told.json"
    if path.exists():
        return json.loads(path.read_text())
    return {"counts": {}, "failures": {str(numbers[0]): f"the campaign broke: {trouble(folder)}"}}
