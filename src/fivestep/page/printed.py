"""The lines that a script prints, told as they come. What it prints goes where it went before."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from typing import Any

from fivestep.page.protocol import Message

LONG = 1000  # characters of a line


class Printed:
    """Stands in the place of a stream, and is it in everything else.

    Args:
        stream: takes what is written.
        post: takes a kind and the fields of a message; returns its number.
    """

    def __init__(self, stream: Any, post: Callable[[str, Message], int]) -> None:
        self._stream, self._post = stream, post
        self._begun = ""  # a line that has no end yet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Any:
        return iter(self._stream)

    def __enter__(self) -> Any:
        return self._stream.__enter__()

    def __exit__(self, *how: object) -> Any:
        return self._stream.__exit__(*how)

    def write(self, text: str) -> int:
        """Write, and tell of the lines that are whole."""
        count = self._stream.write(text)
        *whole, begun = (self._begun + text).split("\n")
        self._begun = begun.rpartition("\r")[2][:LONG]  # what a bar of progress has overwritten
        for line in whole:
            self._post("output", {"text": line.rpartition("\r")[2][:LONG]})
        return count

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of them."""
        for line in lines:
            self.write(line)

    def last(self) -> None:
        """Tell of a line without an end."""
        if self._begun:
            self._post("output", {"text": self._begun})
            self._begun = ""


@contextmanager
def overheard(post: Callable[[str, Message], int]) -> Generator[None]:
    """Tell of what is printed in here."""
    before = sys.stdout
    printed = Printed(before, post)
    sys.stdout = printed
    try:
        yield
    finally:
        printed.last()
        if sys.stdout is printed:
            sys.stdout = before
