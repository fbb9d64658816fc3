"""Serves runs to a page while they grow, and says when nobody writes them any more."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fivestep.live.export import export
from fivestep.live.reading import Reading
from fivestep.page.protocol import VERSION, Message, RefusedError, encode
from fivestep.page.ring import Ring
from fivestep.page.server import Server

CAPACITY = 1 << 16  # messages of each run: a film holds fewer, so nothing is thinned here
ROUND = 0.1  # seconds between two looks at the files
UNSEEN = 10.0  # seconds after which the viewer of a training that is over goes, if nobody came
LEFT = 3600.0  # the same since the last page was closed: a hidden one may come back
RUNS = 12  # at once


class Viewer:
    """Follows runs.

    Args:
        journals: their files, at most ``RUNS``.

    Raises:
        ValueError: a file is no record of a run.
    """

    def __init__(self, journals: list[Path]) -> None:
        self.journals = journals
        self._readings = [Reading(one) for one in journals]
        self.ring: Ring[bytes] = Ring(CAPACITY * len(journals))

    def turn(self) -> None:
        """Tell what is new."""
        for place, one in enumerate(self._readings):
            for message in one.news():
                self._tell(place, message)
            silence = one.silence()
            if silence is not None:
                self._tell(place, silence)

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
            told["runs"] = len(self._readings)
        self.ring.write(message["kind"], encode(told), seq=seq)


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
        save=lambda: export(viewer.journals),
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
