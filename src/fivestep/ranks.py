"""Several processes, one report: the ranks of a run meet in a folder after their training.

Not through torch.distributed: the script may have destroyed its group, or hang in it. Every rank
writes its report to the folder. Rank 0 waits for the others, but not for those that are dead and
not without end, and tells what they found together. If rank 0 died, the lowest rank alive tells.

On several nodes rank 0 of each node reports for its node, unless ``FIVESTEP_RANKS`` names a folder
that all of them share.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fivestep.finding import Report
from fivestep.merge import merge
from fivestep.report import as_json, from_json

SHARED = "FIVESTEP_RANKS"  # names a folder that every node sees
PATIENCE = 60.0  # seconds that the others are waited for after a training that ended well
HURRIED = 5.0  # seconds, where this rank failed or is to end: the others may hang for ever
PAUSE = 0.05  # seconds between two looks into the folder
ELSEWHERE = (
    f"the other nodes report for themselves; one report for all of them takes a folder that they "
    f"share, named by {SHARED}"
)

DIED = "it died without a word, as a process does that is killed"
RUNS = "it was still running when this report was made"
ABSENT = "it was not heard of; it did not start under fivestep, or not on this disk"


@dataclass(frozen=True)
class Place:
    """Where this process stands among those of its run, as its launcher says."""

    rank: int
    size: int
    local_rank: int
    local_size: int

    @property
    def node(self) -> range:
        """The ranks of this node."""
        first = self.rank - self.local_rank
        return range(first, first + self.local_size)


def place(variables: Mapping[str, str] = os.environ) -> Place | None:
    """Read what torchrun says; None where there is one process, or another launcher."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    try:
        one = Place(*(int(variables[name]) for name in names))
    except (KeyError, ValueError):
        return None
    return one if one.size > 1 and one.rank in one.node else None


def folder(here: Place, variables: Mapping[str, str] = os.environ) -> Path:
    """The folder that the ranks of one run, or of one node of it, agree on; and no other run."""
    names = ("TORCHELASTIC_RUN_ID", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT")
    agreed = [variables.get(name, "") for name in names]
    shared = variables.get(SHARED)
    if not shared:
        launcher = os.getppid()  # the same for all of this node
        agreed += [str(here.node[0]), str(launcher), _birth(launcher)]
    name = hashlib.sha256("\0".join(agreed).encode()).hexdigest()[:16]
    return Path(shared or tempfile.gettempdir()) / f"fivestep-{name}"


class Meeting:
    """The folder, seen by one rank."""

    def __init__(self, here: Place, path: Path, *, shared: bool) -> None:
        self.here, self.path, self.shared = here, path, shared
        self._until = math.inf
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and path.stat().st_uid != os.getuid():
            raise PermissionError(f"{path} belongs to somebody else")
        self._file(here.rank, "report").unlink(missing_ok=True)  # left by a run that was killed
        _write(self._file(here.rank, "here"), {"pid": os.getpid()})

    def _file(self, rank: int, kind: str) -> Path:
        return self.path / f"rank-{rank}.{kind}"

    @property
    def _expected(self) -> range:
        """The ranks that are to be in the report that this one would tell."""
        everybody = self.shared and self._file(0, "here").exists()
        return range(self.here.size) if everybody else self.here.node

    def hurry(self) -> None:
        """Wait no longer than for those that are ending, too."""
        self._until = min(self._until, time.monotonic() + HURRIED)

    def told(self, own: Report, *, patience: float = PATIENCE) -> Report | None:
        """Hand in a report; get back that of all ranks if it is for this one to tell it."""
        self._until = min(self._until, time.monotonic() + patience)
        try:
            _write(self._file(self.here.rank, "report"), as_json(own))
        except FileNotFoundError:
            return None  # the others were waited for, reported, and took the folder away
        if not self._is_mine() or not self._claim():
            return None
        reports, missing = self._gathered()
        shutil.rmtree(self.path, ignore_errors=True)
        everybody = merge({**reports, self.here.rank: own}, missing)
        everybody.notes += self._reach()
        return everybody

    def _is_mine(self) -> bool:
        """No lower rank is alive that could tell it."""
        lower = [rank for rank in self._expected if rank < self.here.rank]
        away = [rank for rank in lower if rank not in self.here.node]
        return not away and not any(self._alive(rank) for rank in lower)

    def _alive(self, rank: int) -> bool:
        told = _read(self._file(rank, "here"))
        return told is not None and _runs(told["pid"])

    def _claim(self) -> bool:
        try:
            (self.path / "told").touch(exist_ok=False)
        except OSError:
            return False
        return True

    def _gathered(self) -> tuple[dict[int, Report], dict[int, str]]:
        reports: dict[int, Report] = {}
        missing: dict[int, str] = {}
        waiting = set(self._expected) - {self.here.rank}
        while waiting:
            for rank in sorted(waiting):
                dead = self._is_dead(rank)  # before the look: it may answer and end in between
                plain = _read(self._file(rank, "report"))
                if plain is not None:
                    reports[rank] = from_json(plain)
                elif dead:
                    missing[rank] = DIED
            waiting -= {*reports, *missing}
            if not waiting or time.monotonic() > self._until:
                break
            time.sleep(PAUSE)
        return reports, {**missing, **{rank: self._why_silent(rank) for rank in waiting}}

    def _is_dead(self, rank: int) -> bool:
        came = self._file(rank, "here").exists()
        return came and rank in self.here.node and not self._alive(rank)

    def _why_silent(self, rank: int) -> str:
        return RUNS if self._file(rank, "here").exists() else ABSENT

    def _reach(self) -> list[str]:
        expected = self._expected
        if len(expected) == self.here.size:
            return []
        return [f"ranks {expected[0]} to {expected[-1]} of {self.here.size}: {ELSEWHERE}"]


def meet() -> Meeting | None:
    """Go to the folder where the ranks of this run meet.

    None where there is one process, and where there is no such folder to be had.
    """
    here = place()
    if here is None:
        return None
    try:
        return Meeting(here, folder(here), shared=SHARED in os.environ)
    except OSError:
        return None


def _write(path: Path, plain: Any) -> None:
    """Whole or not at all: whoever looks for the file may read it."""
    draft = path.with_suffix(f"{path.suffix}.draft")
    draft.write_text(json.dumps(plain), encoding="utf-8")
    draft.replace(path)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _runs(process: int) -> bool:
    """Tell whether a process of this machine is alive; one that only waits to be buried is not."""
    state = _stat(process)
    if state:
        return state[0] not in "ZX"
    if os.name == "nt":  # there a signal of 0 would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _birth(process: int) -> str:
    """When a process began, in ticks; "" where the system does not say. Numbers are used again."""
    state = _stat(process)
    return state[19] if len(state) > 19 else ""


def _stat(process: int) -> list[str]:
    """What Linux says of a process, from its state on."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()
