"""A life: one training in a process of its own, from its start to whatever ends it.

The process is forked off one that has only imported the library. What it saw it writes line by line
to a diary, which outlives a kill.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .problems import Seen

Event = Callable[["Life"], None]
Training = Callable[["Life"], Mapping[str, Any]]


@dataclass
class Life:
    """What a library's function is given: where to save, whether to resume, what to use."""

    home: Path
    best: bool = False  # the options that the library's documentation recommends for this
    resume: bool = False
    workers: int = 0
    at: int = 0  # in which iteration of this life the event happens; 0: in none
    event: Event | None = None
    count: int = 0

    @property
    def folder(self) -> Path:
        """Where the library keeps what it saves."""
        return self.home / "saved"

    def watch(self, seen: Seen) -> None:
        """Write down what the model was trained on; then, if it is due, let the event happen."""
        self.count += 1
        with (self.home / "diary").open("a", encoding="utf-8") as diary:
            diary.write(json.dumps(seen) + "\n")
        if self.event and self.count == self.at:
            self.event(self)


@dataclass(frozen=True)
class Outcome:
    """How a life ended, what it saw, and what it left if it came to its end."""

    code: int  # negative: the signal
    seen: list[Seen]
    left: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: str = ""


def flat(model: nn.Module) -> Tensor:
    """All weights in a row."""
    return torch.cat([p.detach().double().flatten() for p in model.parameters()])


def live(training: Training, life: Life) -> Outcome:
    """Let one life pass."""
    return ended(begin(training, life), life)


def begin(training: Training, life: Life) -> int:
    """Fork it off, and do not wait."""
    life.home.mkdir(parents=True, exist_ok=True)
    for name in ("diary", "left.pt", "error"):
        (life.home / name).unlink(missing_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    number = os.fork()
    if number:
        return number
    os._exit(_within(training, life))


def _within(training: Training, life: Life) -> int:
    """In the child: train, leave the result, and give the exit code that Python would give."""
    try:
        os.chdir(life.home)
        _quiet(life.home / "printed")
        torch.save(dict(training(life)), life.home / "left.pt")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        said = next((line for line in str(error).splitlines() if line.strip()), "")
        said = f"{type(error).__name__}: {said}".replace(f"{life.home}/", "")
        (life.home / "error").write_text(said, encoding="utf-8")
        traceback.print_exc()
        return 1
    return 0


def _quiet(path: Path) -> None:
    out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(out, stream)


def ended(number: int, life: Life) -> Outcome:
    """Wait for the end and read what is left."""
    _, status = os.waitpid(number, 0)
    diary, left, error = (life.home / name for name in ("diary", "left.pt", "error"))
    return Outcome(
        os.waitstatus_to_exitcode(status),
        [json.loads(line) for line in diary.read_text().splitlines()] if diary.exists() else [],
        torch.load(left, weights_only=True) if left.exists() else {},
        error.read_text(encoding="utf-8") if error.exists() else "",
    )


# --- What happens to a life -----------------------------------------------------------------------


def killed(life: Life) -> None:
    """SIGKILL: no line of Python runs after it."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_in_the_next_save(life: Life) -> None:
    """Let the kernel end the process in the write that takes a file beyond 8,192 bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python would make an error of it
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def terminated(life: Life) -> None:
    """SIGTERM, as from a scheduler; from here on every iteration takes 0.4 s.

    One library waits three seconds by the clock before it saves.
    """
    os.kill(os.getpid(), signal.SIGTERM)
    life.at, life.event = life.count + 1, slow


def slow(life: Life) -> None:
    """Take one's time, in this iteration and the next."""
    time.sleep(0.4)
    life.at = life.count + 1


def held(life: Life) -> None:
    """Stay in this iteration until somebody makes the file ``go``."""
    (life.home / "held").touch()
    while not (life.home / "go").exists():
        time.sleep(0.01)


def copied(home: Path, to: Path) -> Path:
    """What was saved, once more, to be damaged."""
    shutil.copytree(home, to)
    return to
