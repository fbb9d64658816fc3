"""A folder of checkpoints in use: held, read once, written to from a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from fivestep.checkpoints.interval import Due
from fivestep.checkpoints.lock import Lock
from fivestep.checkpoints.snapshot import Snapshot, restored, snapshot
from fivestep.checkpoints.store import Found, Store
from fivestep.checkpoints.writer import Writer


class Keeper:
    """Holds a folder from its making until ``release``.

    Args:
        folder: made if it is not there.
        keep: how many checkpoints.
        keep_best: whether the one that is marked as the best stays besides them.
        stops: whether a save that fails is to stop the training.
        say: shows a line to the user.

    Attributes:
        found: the newest checkpoint that is whole, None where there is none.

    Raises:
        OSError, DamagedError, LockedError: the folder cannot be used; why, and what to do.
        ValueError: this is one of several ranks.
    """

    def __init__(
        self,
        folder: Path,
        *,
        keep: int,
        keep_best: bool,
        stops: bool,
        say: Callable[[str], None],
    ) -> None:
        self.folder, self.say, self._stops = folder, say, stops
        _need_one_rank()
        _open(folder)
        self._store = Store(folder, keep=keep, best=keep_best)
        self._writer = Writer(self._store, told=self._failed)
        self._problem: str | None = None
        self._lock = Lock(folder)
        try:
            self.found: Found | None = self._store.newest()
        except BaseException:
            self._lock.release()
            raise

    def restored(self) -> dict[str, Any] | None:
        """Make the state that was found, and name those that were passed over; once."""
        if self.found is None:
            return None
        for refused in self.found.refused:
            self.say(f"checkpoint passed over, the one before it is used: {refused}")
        for refused in self._store.best(self.found)[1]:
            self.say(f"an older checkpoint is damaged, and the next save removes it: {refused}")
        given = restored(self.found)
        self.found = self.found._replace(tensors={})  # they are as large as the training's own
        return given

    def first(self, body: dict[str, Any], parts: dict[str, Any]) -> None:
        """Save a first time, at once: what cannot be saved is told before anything is trained.

        Raises:
            UnsaveableError, OSError: something cannot be saved; what, and what to do.
        """
        taken = _taken(parts)
        body = _stamped(body) | self._writer.look(taken) | {"state": taken.state}
        self._store.save(body, taken.fragments)

    def look(self, look: Callable[[Snapshot], dict[str, Any]]) -> None:
        """Have each manifest say what ``look`` finds in the copied state."""
        self._writer.look = look

    def save(
        self,
        body: dict[str, Any],
        parts: Callable[[], dict[str, Any]],
        *,
        due: Due,
        wait: bool = False,
    ) -> str | None:
        """Copy the state and have it written; return why the training must stop, if it must."""
        began = time.perf_counter()
        self._writer.wait()
        try:
            taken = _taken(parts())
        except TypeError as error:  # something new that cannot be saved; at the start it could
            self._failed(error)
            due.saved(time.perf_counter() - began)  # not again at every batch
            return self._problem
        self._writer.write(_stamped(body), taken)
        due.saved(time.perf_counter() - began + self._writer.seconds)
        if wait:
            self._writer.wait()
        return self._problem

    @property
    def busy(self) -> bool:
        """Tell whether a save is being written."""
        return self._writer.busy

    @property
    def problem(self) -> str | None:
        """Why the training must stop, if it must."""
        return self._problem

    def wait(self) -> None:
        """Wait for the save that is being written."""
        self._writer.wait()

    def release(self) -> None:
        """Let others into the folder."""
        self._lock.release()

    def _failed(self, failure: Exception) -> None:
        text = f"no checkpoint was written to {self.folder}: {failure}"
        if self._stops:
            self._problem = text
        self.say(f"{text}\n  what was saved before is as it was")


def _taken(parts: dict[str, Any]) -> Snapshot:
    # Nobody writes to the best weights, nor to the states to go back to.
    still = [label for label in parts if label == "best" or label.startswith("anchor ")]
    return snapshot(parts, still=still)


def _stamped(body: dict[str, Any]) -> dict[str, Any]:
    return {"torch": str(torch.__version__)} | body


def _open(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, "no permission to write there")
    except OSError as error:
        raise type(error)(
            f"checkpoint: cannot write {folder}: {error.strerror}\n"
            "  do: name a folder that you may write to, or checkpoint=None"
        ) from error


def _need_one_rank() -> None:
    distributed = torch.distributed
    started = distributed.is_available() and distributed.is_initialized()
    if started and distributed.get_world_size() > 1:
        raise ValueError(
            f"checkpoint was given in a run of {distributed.get_world_size()} ranks, and it "
            "saves the state of one\n  do: leave checkpoint out in a distributed training"
        )
