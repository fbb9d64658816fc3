"""Every system call that a checkpoint makes, in one small object that a test can replace."""

from __future__ import annotations

import errno
import os
from pathlib import Path

CHUNK_BYTES = 2**24  # of one write: a signal is not kept waiting for gigabytes
# What a file system answers that cannot sync a folder: there is nothing more to be done there.
_CANNOT_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EISDIR)


class Disk:
    """The calls, one method each; all raise ``OSError``. ``use`` puts another one in its place."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder and those above it, unless they are there."""
        folder.mkdir(parents=True, exist_ok=True)

    def names(self, folder: Path) -> list[str]:
        """List what is in a folder."""
        return os.listdir(folder)  # noqa: PTH208 - names, which no symlink can mislead

    def read(self, path: Path) -> bytes:
        """Read a whole file."""
        return path.read_bytes()

    def create(self, path: Path) -> int:
        """Open a file that must not be there yet, for writing."""
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0))

    def write(self, file: int, data: memoryview) -> int:
        """Write some of it, and return how many bytes."""
        return os.write(file, data)

    def sync(self, file: int) -> None:
        """Wait until the file is on the disk."""
        os.fsync(file)

    def close(self, file: int) -> None:
        """Close it."""
        os.close(file)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file its name. Nothing is there under that name."""
        os.rename(old, new)  # noqa: PTH104

    def remove(self, path: Path) -> None:
        """Remove a file."""
        os.unlink(path)  # noqa: PTH108

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk, where the system can do that."""
        if os.name == "nt":
            return
        file = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(file)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC:
                raise
        finally:
            os.close(file)


_current = Disk()


def current() -> Disk:
    """Return the disk in use."""
    return _current


def use(disk: Disk) -> Disk:
    """Put another disk in the place of the one in use, and return that."""
    global _current
    before, _current = _current, disk
    return before


def write_whole(disk: Disk, path: Path, data: bytes) -> None:
    """Write a file so that it is there whole under its name, or not at all.

    It lies under a temporary name in the same folder until all of it is on the disk.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        file = disk.create(temporary)
    except FileExistsError:  # of a process before us that had our number; we hold the lock
        disk.remove(temporary)
        file = disk.create(temporary)
    try:
        _fill(disk, file, data)
        disk.rename(temporary, path)
    except OSError:
        _try_to_remove(disk, temporary)
        raise


def _fill(disk: Disk, file: int, data: bytes) -> None:
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[disk.write(file, rest[:CHUNK_BYTES]) :]
        disk.sync(file)
    finally:
        disk.close(file)


def _try_to_remove(disk: Disk, path: Path) -> None:
    try:
        disk.remove(path)
    except OSError:  # a disk that writes nothing may remove nothing
        return
