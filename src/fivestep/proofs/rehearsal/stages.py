"""Where rehearsals run: in fresh processes with a hash seed of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from fivestep.proofs.rehearsal.perform import Job, Outcome

PATIENCE_SECONDS = 300.0
ENDED = "the process ended"  # how an outcome's error begins that is none of the user's code


class Stage(Protocol):
    """What rehearses a job and tells what came of it."""

    def __call__(self, job: Job) -> Outcome:
        """Rehearse."""
        ...


class Fresh:
    """A process that has imported torch and nothing of the user's; every job is one made from it.

    Where processes cannot be made so (Windows), each job starts one of its own.

    Args:
        setup: the file that sets up the training; it is run again for each job.
        hash_seed: decides the order of sets of text.
        folder: for what they tell.
    """

    def __init__(self, setup: str, hash_seed: int, folder: str) -> None:
        self.setup, self._hash_seed, self._folder = str(Path(setup).resolve()), hash_seed, folder
        self._process: subprocess.Popen[str] | None = self._start() if _forks() else None

    def __call__(self, job: Job) -> Outcome:
        """Rehearse in a process that has seen nothing before."""
        process, self._process = self._process or self._start(), None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone: nothing will be answered
            process.stdin.write(json.dumps([self.setup, asdict(job)]) + "\n")
            process.stdin.flush()
        answer = process.stdout.readline().strip()
        if _forks():
            self._process = process
        else:
            _end(process)
        path = Path(job.folder) / f"{job.name}.json"
        if answer != "done" or not path.exists():
            return Outcome(error=f"{ENDED}: {answer or self._last_words()}")
        return Outcome.from_json(path.read_text(encoding="utf-8"))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            _end(self._process)

    def _start(self) -> subprocess.Popen[str]:
        source = str(Path(__file__).resolve().parents[3])
        paths = [source, os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONHASHSEED": str(self._hash_seed),
            "PYTHONPATH": os.pathsep.join(one for one in paths if one),
        }
        # The folder of the set-up is put there when it is run; before, it could hide Python's own.
        here, own = Path.cwd(), Path(self.setup).parent
        safe = [] if str(here) in sys.path and here != own else ["-P"]
        with self._noise.open("a", encoding="utf-8") as noise:
            return subprocess.Popen(
                [sys.executable, *safe, "-m", "fivestep.proofs.rehearsal", self.setup],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=noise, text=True,
                env=environment,
            )  # fmt: skip

    @property
    def _noise(self) -> Path:
        return Path(self._folder) / f"noise.{self._hash_seed}"

    def _last_words(self) -> str:
        lines = self._noise.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _forks() -> bool:
    return sys.platform == "linux"


def _end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
