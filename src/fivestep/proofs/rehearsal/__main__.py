"""The process in which rehearsals run: a job a line comes in, ``done`` goes out."""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from fivestep.proofs.rehearsal.leaves import is_users
from fivestep.proofs.rehearsal.perform import Job, perform
from fivestep.proofs.rehearsal.stages import PATIENCE_SECONDS
from fivestep.setup_file import SetupError, found, load


def main(setup: str) -> None:
    """Rehearse what is asked for, each in a process that has run nothing of the user's yet."""
    jobs, answers = _channels()
    _prepare(setup)
    for line in jobs:
        file, job = json.loads(line)
        sys.argv = [file]
        answers.write(f"{_apart(Job(**job), file)}\n")
        answers.flush()


def _channels() -> tuple[Any, Any]:
    """Keep the pipes for ourselves: what the user's code prints goes where errors go."""
    jobs, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return jobs, answers


def _prepare(setup: str) -> None:
    """Import once what every rehearsal would import anew: no code of the user's own."""
    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)  # it imports torch._dynamo
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        for name in _imported(ast.parse(Path(setup).read_bytes())):
            with contextlib.suppress(Exception):
                found = importlib.util.find_spec(name.partition(".")[0])
                if found is not None and found.origin and not is_users(found.origin):
                    importlib.import_module(name)


def _imported(tree: ast.Module) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.append(node.module)
    return found


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
