"""Serves runs to a page while they grow, and says when nobody writes them any more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from fivestep.live.export import export
from fivestep.live.reading import Reading, begun, empty, runs_in
from fivestep.page.protocol import VERSION, Message, RefusedError, encode
from fivestep.page.ring import Ring
from fivestep.page.server import Server

CAPACITY = 1 << 16  # messages of each run: a film holds fewer, so nothing is thinned here
ROUND = 0.1  # seconds between two looks at the files
SCAN = 1.0  # seconds between two looks for files that have come
UNSEEN = 10.0  # seconds after which the viewer of a training that is over goes, if nobody came
LEFT = 3600.0  # the same since the last page was closed: a hidden one may come back
RUNS = 12  # at once


class Viewer:
    """Follows runs, and those that begin meanwhile.

    Args:
        journals: their files, at most ``RUNS``.
        folder: where later ones begin; without a journal the first of them is waited for.
        tell: takes words for who has started it, on files that are empty or damaged.

    Raises:
        ValueError: a file is no record of a run.
    """

    def __init__(
        self, journals: list[Path], folder: Path | None = None, *,
        tell: Callable[[str], None] = lambda words: None,
    ) -> None:  # fmt: skip
        self._asked = list(range(len(journals)))  # the places of those that were asked for
        self._readings = [Reading(one) for one in journals]
        self.ring: Ring[bytes] = Ring(CAPACITY * max(1, len(journals)))
        self._seqs: dict[int, set[int]] = {}  # of the messages of each run
        self._folder, self._scanned = folder, time.monotonic()
        there = runs_in(folder) if folder is not None else []
        self._known = {one for one in there if begun(one)}  # an empty one may only just begin
        self._say = tell
        for one in journals:
            if not begun(one):
                tell(empty(one))
        if journals and not any(map(begun, journals)):
            self._tell(0, {"kind": "waiting", "folder": journals[0].name})
        if folder is not None and not journals:
            self._tell(0, {"kind": "waiting", "folder": folder.resolve().name})

    def turn(self) -> None:
        """Tell what is new."""
        for place, one in enumerate(self._readings):
            if place in self._asked:
                self._read(place, one)
            else:
                with suppress(OSError, ValueError):  # a file that turned out to be no run
                    self._read(place, one)
        if self._folder is not None and time.monotonic() - self._scanned > SCAN:
            self.look(self._folder)

    def look(self, folder: Path) -> None:
        """Look for runs that have begun in a directory since it was looked at last."""
        self._scanned = time.monotonic()
        for journal in runs_in(folder):
            if journal not in self._known:
                self._known.add(journal)
                self._follow(Reading(journal))

    def _follow(self, later: Reading) -> None:
        if len(self._readings) < RUNS:
            self._readings.append(later)
            return
        over = [i for i, one in enumerate(self._readings) if i not in self._asked and one.over]
        if over:  # the oldest of them makes room
            self.ring.drop(self._seqs.pop(over[0], set()))
            self._readings[over[0]] = later

    def _read(self, place: int, one: Reading) -> None:
        news = one.news()
        for words in one.damaged:
            self._say(words)
        if one.anew:
            self.ring.drop(self._seqs.pop(place, set()))
        for message in news:
            self._tell(place, message)
        silence = one.silence()
        if silence is not None:
            self._tell(place, silence)

    def save(self, places: list[int]) -> bytes:
        """Make one file of the runs at these places; of those that were asked for, if none.

        Raises:
            ValueError: there is none.
        """
        places = places or self._asked
        if not places or not all(place < len(self._readings) for place in places):
            raise ValueError("there is no such run\n  do: load the page anew")
        return export([self._readings[place].journal for place in places])

    @property
    def heard(self) -> bool:
        """Some run has begun."""
        return any(one.heard for one in self._readings)

    @property
    def over(self) -> bool:
        """No run goes on."""
        return all(one.over for one in self._readings)

    def _tell(self, place: int, message: Message) -> None:
        seq = self.ring.last + 1
        told = message | {"v": VERSION, "seq": seq, "of": place}
        if message["kind"] == "hello":
            self._asked = self._asked or [place]  # the first was waited for
            told |= {"runs": len(self._asked), "later": place not in self._asked}
        self.ring.write(message["kind"], encode(told), seq=seq)
        self._seqs.setdefault(place, set()).add(seq)


def refuse(request: Message) -> bool:
    """Nothing of a training is steered from its page."""
    raise RefusedError("a training is watched here: nothing of it can be steered")


def serve(
    viewer: Viewer, *, host: str, port: int, names: Sequence[str] = (), show: Callable[[str], None],
    pressed: Callable[[], Any], with_training: bool,
) -> int:  # fmt: skip
    """Serve until Ctrl-C; beside a training, until it is over and nobody looks on."""
    viewer.turn()  # says at once what is no record
    server = Server(
        viewer.ring, refuse, host=host, port=port, names=names, stranger=show,
        save=viewer.save,
    )  # fmt: skip
    server.start()
    for link in server.access.links:
        show(link)
    idle, parent = time.monotonic(), os.getppid()
    try:
        while not pressed():
            time.sleep(ROUND)
            viewer.turn()
            # A training that dies before its first word is known by its viewer as its parent.
            stillborn = not viewer.heard and os.getppid() != parent
            if server.pages.readers or not (viewer.over or stillborn):
                idle = time.monotonic()
            elif with_training:
                patience = LEFT if server.pages.read else UNSEEN
                if time.monotonic() - idle > patience:
                    return 0
        return 130
    finally:
        server.stop()
