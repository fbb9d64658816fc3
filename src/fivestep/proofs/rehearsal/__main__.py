"""The process in which rehearsals run: a job a line comes in, ``done`` goes out."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from fivestep.proofs.rehearsal.perform import Job, perform
from fivestep.proofs.rehearsal.stages import PATIENCE_SECONDS
from fivestep.setup_file import SetupError, found, load


def main(setup: str) -> None:
    """Rehearse what is asked for, each in a process that has run nothing of the user's yet."""
    jobs, answers = _channels()
    sys.argv = [setup]
    for line in jobs:
        job = Job(**json.loads(line))
        answers.write(f"{_apart(job, setup)}\n")
        answers.flush()


def _channels() -> tuple[Any, Any]:
    """Keep the pipes for ourselves: what the user's code prints goes where errors go."""
    jobs, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return jobs, answers


def _apart(job: Job, setup: str) -> str:
    if not hasattr(os, "fork"):
        return _one(job, setup)
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.alarm(int(PATIENCE_SECONDS))
            code = 0 if _one(job, setup) == "done" else 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGALRM:
        return f"it took more than {PATIENCE_SECONDS:g} seconds"
    return "done" if status == 0 else f"it ended with code {status}"


def _one(job: Job, setup: str) -> str:
    def make() -> dict[str, Any]:
        try:
            return found(load(setup), setup)
        except SetupError as broken:
            raise RuntimeError(str(broken).strip().splitlines()[-1]) from broken.__cause__

    perform(job, make)
    return "done"


if __name__ == "__main__":
    main(*sys.argv[1:])
