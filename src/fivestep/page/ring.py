"""The latest messages, for any number of readers. Who writes never waits for who reads."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Container
from typing import Generic, NamedTuple, TypeVar

from fivestep.page.protocol import THINNED

Content = TypeVar("Content")
CAPACITY = 8192  # messages; when there are more, those that may be left out become half as many


class Entry(NamedTuple, Generic[Content]):
    """One message and its number."""

    seq: int
    kind: str
    content: Content


class Ring(Generic[Content]):
    """Keeps messages by their numbers, the older the thinner.

    Args:
        capacity: how many are kept, as long as enough of them may be left out.
        before: the number after which this ring begins to count.
    """

    def __init__(self, capacity: int = CAPACITY, *, before: int = 0) -> None:
        self._capacity = self._limit = capacity
        self._entries: list[Entry[Content]] = []
        self._waiting: list[Callable[[], None]] = []
        self._lock = threading.Lock()  # held for a list operation, never while anybody waits
        self.last = before

    def write(self, kind: str, content: Content, *, seq: int | None = None) -> int:
        """Add a message; return its number, the next one unless it has one already."""
        with self._lock:
            self.last = seq = self.last + 1 if seq is None else seq
            self._entries.append(Entry(seq, kind, content))
            if len(self._entries) > self._limit:
                self._thin()
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()
        return seq

    def read(self, after: int, limit: int = 256) -> list[Entry[Content]]:
        """The first messages after a number. Gaps in their numbers are what was left out."""
        with self._lock:
            place = bisect_right(self._entries, after, key=lambda one: one.seq)
            return self._entries[place : place + limit]

    def drop(self, seqs: Container[int]) -> None:
        """Forget these messages: they do not hold any more."""
        with self._lock:
            self._entries = [one for one in self._entries if one.seq not in seqs]

    def call(self, wake: Callable[[], None], after: int) -> bool:
        """Have ``wake`` called once at the next message; False if one is there already."""
        with self._lock:
            if self.last > after:
                return False
            self._waiting.append(wake)
            return True

    def rouse(self) -> None:
        """Call all that wait for a message, though there is none: the end has come."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def forget(self, wake: Callable[[], None]) -> None:
        """Do not call it any more."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one is not wake]

    def __len__(self) -> int:
        return len(self._entries)

    def _thin(self) -> None:
        # The newest quarter stays whole: a reader that is only a little late misses nothing.
        old = len(self._entries) * 3 // 4
        kept: list[Entry[Content]] = []
        leave = dict.fromkeys(THINNED, False)  # every second of each kind, not of all together
        for entry in self._entries[:old]:
            if entry.kind in leave:
                leave[entry.kind] = not leave[entry.kind]
            if not leave.get(entry.kind, False):
                kept.append(entry)
        self._entries = kept + self._entries[old:]
        self._limit = max(self._capacity, len(self._entries) * 5 // 4)
