"""A disk whose power fails: of what was not synced, any part may be there afterwards."""

from __future__ import annotations

import random
from pathlib import Path
from typing import NoReturn

from .disks import Killing, When


class PowerLoss(Killing):
    """Keeps what was synced and forgets of the rest what ``seed`` says, then kills.

    Contents are safe after ``sync`` of their file, names after ``sync_folder``. A file that was
    not synced is cut short or holds zeros; a rename, a removal or a new name that was not synced
    is there or is undone, each by itself: no order is promised between two of them.
    """

    def __init__(self, name: str, at: int, when: When, *, seed: str) -> None:
        super().__init__(name, at, when)
        self._random = random.Random(seed)
        self._paths: dict[int, Path] = {}
        self._unsynced: dict[Path, int] = {}  # files, and how many bytes they have at the least
        self._renamed: list[tuple[Path, Path]] = []
        self._removed: list[tuple[Path, bytes]] = []
        self._created: list[Path] = []

    def create(self, path: Path) -> int:
        """Open it, and remember that nothing of it is safe."""
        file = super().create(path)
        self._paths[file] = path
        self._unsynced[path] = 0
        self._created.append(path)
        return file

    def sync(self, file: int) -> None:
        """Take its contents for safe."""
        super().sync(file)
        self._unsynced.pop(self._paths[file], None)

    def rename(self, old: Path, new: Path) -> None:
        """Rename, and remember what was the name."""
        self._renamed.append((old, new))
        if old in self._unsynced:
            self._unsynced[new] = self._unsynced.pop(old)
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        """Remove, and remember what it was."""
        self._removed.append((path, path.read_bytes()))
        super().remove(path)

    def sync_folder(self, folder: Path) -> None:
        """Take all names for safe."""
        super().sync_folder(folder)
        self._renamed, self._removed, self._created = [], [], []

    def die(self) -> NoReturn:
        """Lose what may be lost, and end."""
        for path in self._unsynced:
            self._spoil(path)
        for path, data in self._removed:
            if self._random.random() < 0.5:
                path.write_bytes(data)
        for old, new in reversed(self._renamed):
            if self._random.random() < 0.5 and new.exists():
                new.rename(old)
        for path in self._created:
            if self._random.random() < 0.5:
                path.unlink(missing_ok=True)
        super().die()

    def _spoil(self, path: Path) -> None:
        if not path.exists():
            return
        data = path.read_bytes()
        kept = self._random.randint(0, len(data))
        rest = bytes(len(data) - kept) if self._random.random() < 0.5 else b""
        path.write_bytes(data[:kept] + rest)
