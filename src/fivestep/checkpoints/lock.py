"""One process at a time in a folder of checkpoints; the second one is told of the first."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import struct
import time
from pathlib import Path
from typing import Any, Self

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = "lock"
_HELD_BY_ANOTHER = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
_here: dict[Path, int] = {}  # the folders that this process holds, and their files


class LockedError(RuntimeError):
    """Another process, or another training of this one, works in the folder."""


class Lock:
    """Holds a folder until ``release``, or until the process ends in whatever way.

    A record lock of the system: the kernel gives it back when its process dies, so nothing is ever
    stale; it works over NFS. On Linux it belongs to the open file (``F_OFD_SETLK``): one of the
    process (``lockf``) would be lost as soon as anything in this process, a copy of the folder
    say, opens and closes the file. The workers of a loader, which may live on for some seconds,
    let go of what they inherit. Where there are no such locks, a file with the number of the
    process stands for it, and is taken over when that process is gone.

    Raises:
        LockedError: somebody else holds it; who, and on which machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder.resolve(), folder.resolve() / NAME
        if self._folder in _here:
            raise _refusal(folder, f"another training of this process ({os.getpid()})")
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._take(folder)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, json.dumps(_owner()).encode(), 0)
        except BaseException:
            os.close(self._file)
            raise
        self._pid = os.getpid()
        _here[self._folder] = self._file

    def _take(self, folder: Path) -> None:
        try:
            if fcntl is None:
                raise OSError(errno.ENOTSUP, "no record locks")
            _lock(self._file)
        except OSError as error:
            if error.errno in _HELD_BY_ANOTHER:
                raise _refusal(folder, _who(_read(self._file))) from None
            if error.errno not in _NO_LOCKS:
                raise
            if not _is_gone(_read(self._file)):
                raise _refusal(folder, _who(_read(self._file))) from None

    def release(self) -> None:
        """Let others in. In a process that was forked off it does nothing."""
        if self._folder in _here and os.getpid() == self._pid:
            del _here[self._folder]
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
            os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def _lock(file: int) -> None:
    assert fcntl is not None
    of_the_file = getattr(fcntl, "F_OFD_SETLK", None)
    if of_the_file is not None:
        whole = struct.pack("@hhqqi0q", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        try:
            fcntl.fcntl(file, of_the_file, whole)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        else:
            return
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _let_go() -> None:
    """In a process that was forked off: what its parent holds is not its own."""
    for file in _here.values():
        with contextlib.suppress(OSError):
            os.close(file)
    _here.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _owner() -> dict[str, Any]:
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": time.time()}


def _read(file: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(file, 4096, 0))
    except ValueError:  # empty, or just being written
        return {}
    return found if isinstance(found, dict) else {}


def _is_gone(owner: dict[str, Any]) -> bool:
    if not owner:
        return True
    if owner.get("host") != socket.gethostname():
        return False  # nobody here can tell
    try:
        os.kill(int(owner.get("pid", 0)), 0)
    except (ProcessLookupError, ValueError):
        return True
    except OSError:
        return False
    return int(owner["pid"]) == os.getpid()


def _who(owner: dict[str, Any]) -> str:
    if not owner:
        return "another process"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(float(owner.get("since", 0))))
    return f"process {owner.get('pid')} on {owner.get('host')}, since {since}"


def _refusal(folder: Path, who: str) -> LockedError:
    return LockedError(
        f"checkpoint: {folder} is in use by {who}, and two trainings in one folder would write "
        "over each other\n  do: wait until it has ended, or name another folder; if its machine "
        f"is gone for good, remove {folder / NAME}"
    )
