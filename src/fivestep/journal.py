"""The file of a run: JSON lines, appended as the training goes, readable at any time."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from fivestep.version import __version__

Entry = dict[str, Any]
_RECORD = b'{"kind": "record"'
FORMAT = 1  # of the file; raised when a reader of the old one would misread the new one


class Journal:
    """Writes a run to its file as it goes: JSON lines, appended and flushed, never rewritten.

    Numbers that JSON does not know are written as the strings ``"NaN"``, ``"Infinity"`` and
    ``"-Infinity"``, so that every line is valid JSON.

    Args:
        where: a ``.jsonl`` file, or a directory, where it gets a name of its own.
        again: take a file that is there already, if it is empty: it was begun and killed at once.

    Raises:
        FileExistsError: the file is there already.
        OSError: it cannot be written; the message says what to do.
    """

    def __init__(self, where: str | os.PathLike[str], *, again: bool = False) -> None:
        where = Path(where).expanduser()
        self.failure: OSError | None = None
        if again and where.suffix == ".jsonl" and where.exists() and not where.stat().st_size:
            where.unlink()
        folder = where.parent if where.suffix == ".jsonl" else where
        self._made = [one for one in (folder, *folder.parents) if not one.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unwritable(where, error) from error
        try:
            self.path, self._file = _create(_names(where))
        except FileExistsError as error:
            raise FileExistsError(
                f"record: {where} exists already, and a run never writes over another\n"
                "  do: name another file, or a directory, where every run gets a file of its own"
            ) from error
        except OSError as error:
            raise _unwritable(where, error) from error

    @classmethod
    def continued(cls, where: str | os.PathLike[str], place: Entry) -> tuple[Journal, bool]:
        """Open the file of a run that goes on, and forget what was written after a ``place``.

        Returns:
            The journal, and whether it is whole up to there; if it is not, it is empty.
        """
        where = Path(where).expanduser()
        path = where if where.suffix == ".jsonl" else where / place["name"]
        if path.name != place["name"] and _size(path):
            raise FileExistsError(
                f"record: {path} exists already, and this training was recorded in "
                f"{place['name']}\n  do: name that again, or a file that is not there yet"
            )
        journal = cls.__new__(cls)
        journal.failure, journal.path, journal._made = None, path, []
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            journal._file = path.open("r+" if path.exists() else "x", encoding="utf-8")
            return journal, journal.cut(place)
        except OSError as error:
            raise _unwritable(where, error) from error

    def place(self) -> Entry:
        """Say where it stands, in what JSON knows; ``cut`` goes back to it."""
        return {"name": self.path.name, "bytes": _size(self.path)}

    def cut(self, to: Entry) -> bool:
        """Forget what was written after a ``place``, and go on from there.

        Returns:
            Whether it is whole up to there; if it is not, it is empty.

        Raises:
            OSError: the file cannot be cut.
        """
        self._file.flush()
        whole = _holds(self.path, to["bytes"])
        self._file.truncate(to["bytes"] if whole else 0)
        self._file.seek(0, os.SEEK_END)
        return whole

    def write(self, kind: str, record: Entry) -> None:
        """Append one line. A full disk ends the record, not the training: see ``failure``."""
        if self.failure is None:
            try:
                self._file.write(json.dumps({"kind": kind} | _to_json(record)) + "\n")
                self._file.flush()
            except OSError as error:
                self.failure = error

    def keep(self, entries: int) -> None:
        """Forget the records after the first so many, and all else that stands after them."""
        if self.failure is None:
            try:
                self._file.truncate(_place_after(self.path, entries))
                self._file.seek(0, os.SEEK_END)
            except OSError as error:
                self.failure = error

    def discard(self) -> None:
        """Close the file, and remove it and the directories that were made for it."""
        self.close()
        self.path.unlink(missing_ok=True)
        with suppress(OSError):  # something else lies in one of them by now
            for folder in self._made:
                folder.rmdir()

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error


def read_lines(path: Path) -> Iterator[Entry]:
    """Read the lines of a record; one cut short by the death of its writer ends it.

    Raises:
        ValueError: a whole line is not JSON, or JSON of something else.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                yield _from_json(_object(line))
            except ValueError as error:
                if not line.endswith(b"\n"):  # the writer was killed in the middle of it
                    return
                raise ValueError(
                    f"{path}, line {number} is not JSON of a record: {line[:60]!r}"
                ) from error


def _holds(path: Path, size_bytes: int) -> bool:
    """Tell whether there are so many bytes of whole lines; cut and written on, there may not be."""
    if not path.exists() or not path.stat().st_size >= size_bytes > 0:
        return False
    with path.open("rb") as file:
        file.seek(size_bytes - 1)
        return file.read(1) == b"\n"


def _place_after(path: Path, entries: int) -> int:
    """Find the byte at which the next record begins."""
    place, seen = 0, 0
    with path.open("rb") as file:
        for line in file:
            seen += line.startswith(_RECORD)
            if seen > entries:
                break
            place += len(line)
    return place


def _object(line: bytes) -> Any:
    found = json.loads(line.decode())
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _to_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _to_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_json(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _from_json(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_from_json(part) for part in value]
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def versions() -> Entry:
    """Name everything that the bits of a run depend on besides its inputs."""
    import numpy
    import torch

    return {
        "fivestep": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _names(where: Path) -> Iterator[Path]:
    if where.suffix == ".jsonl":
        yield where
        return
    rank = f"-rank{os.environ['RANK']}" if "RANK" in os.environ else ""
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}{rank}"
    for suffix in ("", *(f"-{number}" for number in range(2, 1000))):
        yield where / f"{stem}{suffix}.jsonl"


def _create(paths: Iterator[Path]) -> tuple[Path, TextIO]:
    # Tried, not looked for: another machine may take a name between a look and the opening.
    taken = FileExistsError()
    for path in paths:
        try:
            return path, path.open("x", encoding="utf-8")
        except FileExistsError as error:
            taken = error
    raise taken


def _unwritable(where: Path, error: OSError) -> OSError:
    return type(error)(
        f"record: cannot write {where}: {error.strerror}\n"
        "  do: name a directory that you may write to, or record=None"
    )
