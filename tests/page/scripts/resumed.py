"""Trains in processes that are killed one after the other; the last comes to the end.

python resumed.py FOLDER SEED KILLED...   each KILLED is loss:N, write:N or save:N; POINTS is small
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # pyright: ignore[reportUnusedImport] - once, and not in each child
from torch import nn

from fivestep import conduct, fit
from fivestep.checkpoint import Checkpoint
from fivestep.checkpoints import store
from fivestep.live import film, points

folder, seed, *killed = sys.argv[1:]
torch.set_num_threads(1)
points.POINTS = 16


def no_viewer(journal: Path, *, browser: bool = False) -> str:
    """Stand in for the viewer's process."""
    return ""


conduct.start_viewer = no_viewer


class Counting:
    """Ends the process at the n-th call, with half of it done where it has halves."""

    def __init__(self, act: Any, after: int) -> None:
        self.act, self.left = act, after

    def __call__(self, *given: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            if isinstance(given[-1], memoryview):
                self.act(given[0], given[1][: len(given[1]) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return self.act(*given)


class Writing:
    """What the film asks of ``os``, with a ``write`` that counts."""

    def __init__(self, write: Any) -> None:
        self.write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def go(what: str) -> None:
    kind, _, number = what.partition(":")
    torch.manual_seed(int(seed))
    model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.2), nn.Linear(4, 1))
    x = torch.randn(40, 3)
    loss_fn = Counting(nn.functional.mse_loss, int(number) if kind == "loss" else 0)
    if kind == "write":
        film.os = Writing(Counting(os.write, int(number)))
    elif kind == "save":
        store.Store.save = _late(store.Store.save, int(number))
    fit(
        model, loss_fn, torch.optim.Adam(model.parameters(), 0.01), (x, x[:, :1]), epochs=30,
        batch_size=8, log_every=3, validate=(x, x[:, :1]), record=Path(folder) / "run.jsonl",
        checkpoint=Checkpoint(Path(folder) / "saved", every="7 iterations"), progress=False,
        page=what != "unseen", seed=int(seed), max_minutes=None,
    )  # fmt: skip


def _late(save: Any, after: int) -> Any:
    left = [after]

    def saved(self: Any, *given: Any) -> Any:
        done = save(self, *given)
        left[0] -= 1
        if left[0] == 0:  # it is on the disk, and nobody has heard of it
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    return saved


for one in [*killed, ""]:
    child = os.fork()
    if child == 0:
        try:
            go(one)
        except BaseException as error:
            sys.stderr.write(f"{one}: {type(error).__name__}: {error}\n")
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.stdout.write(f"{one or 'end'} {os.waitstatus_to_exitcode(status)}\n")
