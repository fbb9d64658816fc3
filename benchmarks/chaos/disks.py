"""Disks that count, kill, fail, lose power, or are only a dictionary."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NoReturn

from fivestep.checkpoints.disk import Disk

WHEN = ("before", "during", "after")
When = Literal["before", "during", "after"]


class Watched(Disk):
    """Counts its calls. It waits for no disk: what a killed process wrote is there all the same."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()

    def around(self, name: str, call: Callable[[], Any], half: Callable[[], Any] | None) -> Any:
        """Make one call; ``half`` does a part of it, where it has parts."""
        return call()

    def _made(
        self, name: str, call: Callable[[], Any], half: Callable[[], Any] | None = None
    ) -> Any:
        self.calls[name] += 1
        return self.around(name, call, half)

    def make_folder(self, folder: Path) -> None:
        """See ``Disk``."""
        self._made("make_folder", lambda: Disk.make_folder(self, folder))

    def names(self, folder: Path) -> list[str]:
        """See ``Disk``."""
        return self._made("names", lambda: Disk.names(self, folder))

    def read(self, path: Path) -> bytes:
        """See ``Disk``."""
        return self._made("read", lambda: Disk.read(self, path))

    def create(self, path: Path) -> int:
        """See ``Disk``."""
        return self._made("create", lambda: Disk.create(self, path))

    def write(self, file: int, data: memoryview) -> int:
        """See ``Disk``."""
        half = data[: len(data) // 2]
        return self._made(
            "write", lambda: Disk.write(self, file, data), lambda: Disk.write(self, file, half)
        )

    def sync(self, file: int) -> None:
        """See ``Disk``."""
        self._made("sync", lambda: None)

    def close(self, file: int) -> None:
        """See ``Disk``."""
        self._made("close", lambda: Disk.close(self, file))

    def rename(self, old: Path, new: Path) -> None:
        """See ``Disk``."""
        self._made("rename", lambda: Disk.rename(self, old, new))

    def remove(self, path: Path) -> None:
        """See ``Disk``."""
        self._made("remove", lambda: Disk.remove(self, path))

    def sync_folder(self, folder: Path) -> None:
        """See ``Disk``."""
        self._made("sync_folder", lambda: None)


class Killing(Watched):
    """Kills its process before, in the middle of or after the n-th call of a name."""

    def __init__(self, name: str, at: int, when: When) -> None:
        super().__init__()
        self._name, self._at, self._when = name, at, when

    def around(self, name: str, call: Callable[[], Any], half: Callable[[], Any] | None) -> Any:
        """Make the call, or die."""
        if name != self._name or self.calls[name] != self._at:
            return call()
        if self._when == "after":
            call()
        elif self._when == "during" and half is not None:
            half()
        return self.die()

    def die(self) -> NoReturn:
        """End this process, in the way that leaves it no say."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("a process outlived SIGKILL")


class Failing(Watched):
    """Answers the n-th call of a name with an error; that one alone, or all from there on."""

    def __init__(self, name: str, at: int, number: int, *, lasting: bool) -> None:
        super().__init__()
        self._name, self._at, self._number, self._lasting = name, at, number, lasting
        self.failed = 0

    def around(self, name: str, call: Callable[[], Any], half: Callable[[], Any] | None) -> Any:
        """Make the call, or a part of it and the error."""
        beyond = self.calls[name] - self._at
        if name != self._name or (beyond and not (self._lasting and beyond > 0)):
            return call()
        if half is not None and not self.failed:
            half()
        if name == "close":  # close gives the file back even when it tells of an error
            call()
        self.failed += 1
        raise OSError(self._number, os.strerror(self._number))


class MemoryDisk(Disk):
    """A folder that is a dictionary, to be read only."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def names(self, folder: Path) -> list[str]:
        """See ``Disk``."""
        return list(self.files)

    def read(self, path: Path) -> bytes:
        """See ``Disk``."""
        try:
            return self.files[path.name]
        except KeyError:
            raise FileNotFoundError(path.name) from None
