"""One life of a training: a process of its own, forked off so that torch is there already."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

from fivestep import Checkpoint, fit
from fivestep.checkpoints.disk import Disk, use

from .disks import Watched
from .outcome import Parts, outcome
from .works import WORKS, Work

HUNG_SECONDS = 300
KILLED = -signal.SIGKILL


class Reference(NamedTuple):
    """The same training, never touched."""

    parts: Parts
    calls: dict[str, int]
    updates: int
    seconds: float


_references: dict[str, Reference] = {}


def notes(folder: Path) -> Path:
    """Where the campaign writes for itself: beside the training, or elsewhere if that is full."""
    elsewhere = folder / "notes"
    return elsewhere if elsewhere.exists() else folder


def forked(work: Callable[[], object], folder: Path) -> int:
    """Begin a process that does the work and ends; an error goes to ``error`` among its notes."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    with (notes(folder) / "stderr").open("w") as file:  # workers of the killed complain there
        os.dup2(file.fileno(), 2)
    try:
        work()
        gc.collect()  # a loader that keeps its workers lets them go
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        (notes(folder) / "error").write_text(traceback.format_exc())
    finally:
        os._exit(code)


def ended(pid: int, *, seconds: float = HUNG_SECONDS) -> int:
    """Wait for a process; return its code, or the negative number of its signal.

    Raises:
        TimeoutError: it hangs, and was killed for it.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise TimeoutError(f"a training hung for {seconds} seconds")


def train(
    work: Work, folder: Path, disk: Disk, *, failure: Any = "go on", keep: int = 2
) -> tuple[Parts, str]:
    """Train, or go on; return what is left and why it ended. It saves after every update."""
    use(disk)
    with (notes(folder) / "updates").open("ab", buffering=0) as updates:
        work.optimizer.register_step_post_hook(_counting(updates))
        checkpoint = Checkpoint(folder / "saved", every="1 update", failure=failure, keep=keep)
        run = fit(
            work.model, work.loss_fn, work.optimizer, work.train, checkpoint=checkpoint,
            record=folder / "record.jsonl", progress=False, watch=False, **work.options,
        )  # fmt: skip
    parts = outcome(work.model, work.optimizer, work.options.get("schedule"), run)
    return parts, run.reason


def _counting(file: BinaryIO) -> Callable[..., None]:
    def count(*_: object) -> None:
        file.write(b".")

    return count


def life(name: str, folder: Path, disk: Disk, *, failure: Any = "go on", keep: int = 2) -> int:
    """Begin a training in a process of its own; it leaves its outcome in the folder."""
    for old in ("outcome.json", "error"):
        (notes(folder) / old).unlink(missing_ok=True)

    def work() -> None:
        parts, reason = train(WORKS[name](), folder, disk, failure=failure, keep=keep)
        calls = disk.calls if isinstance(disk, Watched) else {}
        written = json.dumps({"parts": parts, "reason": reason, "calls": calls})
        (notes(folder) / "outcome.json").write_text(written)

    return forked(work, folder)


def left(folder: Path) -> dict[str, Any]:
    """Read what a training that ended has left."""
    return json.loads((notes(folder) / "outcome.json").read_text())


def updates(folder: Path) -> int:
    """Count the updates that were made in all lives together."""
    path = notes(folder) / "updates"
    return path.stat().st_size if path.exists() else 0


def trouble(folder: Path) -> str:
    """Read what went wrong, if anything was told."""
    told = [notes(folder) / "error", notes(folder) / "stderr"]
    return "\n".join(path.read_text() for path in told if path.exists())


def reference(name: str, scratch: Path) -> Reference:
    """Train it once without a kill, and remember that."""
    if name not in _references:
        folder = scratch / f"reference {name}"
        folder.mkdir()
        began = time.monotonic()
        if ended(life(name, folder, Watched())) != 0:
            raise RuntimeError(f"{name} cannot be trained at all\n{trouble(folder)}")
        seconds, told = time.monotonic() - began, left(folder)
        _references[name] = Reference(told["parts"], told["calls"], updates(folder), seconds)
    return _references[name]


def warm() -> None:
    """Load all that a training loads, while there is one thread only, and let it be inherited."""
    torch.set_num_threads(1)
    import_module("torch._dynamo")  # a name of torch's, bound here, would hide the module
