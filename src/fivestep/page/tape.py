"""The record of what was told: a file of JSON lines, a message each, to be looked at again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from fivestep.page.protocol import VERSION, Message, encode
from fivestep.page.ring import Ring


class Tape:
    """Writes messages to a file as they come. A full disk ends the record, not the training.

    Raises:
        FileExistsError: the file is there already.
        OSError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.failure: OSError | None = None
        try:
            self._file = path.open("xb")
        except FileExistsError as error:
            raise FileExistsError(
                f"--record: {path} exists already, and a record never writes over another\n"
                "  do: name another file"
            ) from error
        except OSError as error:
            raise OSError(
                f"--record: {path} cannot be written: {error.strerror}\n"
                "  do: name a file in a directory that is there and that you may write to"
            ) from error

    def write(self, line: bytes) -> None:
        """Add one message."""
        if self.failure is None:
            try:
                self._file.write(line + b"\n")
            except OSError as error:
                self.failure = error

    def flush(self) -> None:
        """Let a reader of the file see what was written."""
        if self.failure is None:
            try:
                self._file.flush()
            except OSError as error:
                self.failure = error

    def close(self) -> None:
        """Close the file."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error


def rewind(path: Path) -> Ring[bytes]:
    """Read a record, ready to be served.

    Raises:
        OSError: there is no such file.
        ValueError: it is no record, or one of another version.
    """
    try:
        messages = list(_messages(path))
    except OSError as error:
        raise OSError(
            f"{path} cannot be read: {error.strerror}\n"
            "  do: name the file that fivestep step --record wrote"
        ) from error
    if not messages or messages[0]["kind"] != "hello":
        raise ValueError(
            f"{path} is no record of `fivestep step --record`: it does not begin with a hello\n"
            "  do: name the file that --record wrote"
        )
    ring: Ring[bytes] = Ring(len(messages) + 1)
    for one in messages:
        if one["kind"] == "hello":
            one["mode"] = "replay"
        ring.write(one["kind"], encode(one), seq=one["seq"])
    return ring


def _messages(path: Path) -> Iterator[Message]:
    last = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                found = json.loads(line)
                if found["v"] != VERSION or not last < found["seq"] or not found["kind"]:
                    raise ValueError(f"version {VERSION} was expected, and rising numbers")
            except (ValueError, TypeError, KeyError) as error:
                if not line.endswith(b"\n"):  # the writer was killed in the middle of it
                    return
                raise ValueError(
                    f"{path} is no record of fivestep step: line {number} is no message\n"
                    "  do: name what --record wrote; fivestep watch shows what fit recorded"
                ) from error
            last = found["seq"]
            yield found
