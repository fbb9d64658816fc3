"""A loop in a thread of this process, told and steered as the page does it: for notebooks."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from fivestep.finding import Finding
from fivestep.page.control import Control
from fivestep.page.findings import named
from fivestep.page.perform import points_at
from fivestep.page.protocol import VERSION, Message, RefusedError, encode, request, versions
from fivestep.page.ring import Ring
from fivestep.page.stage import Stage

NOT_AGAIN = "a notebook begins again by running its cell again"
ENDED = "it has ended: run the cell again"


class Inside:
    """What happens in the loop, in a ring; and who holds it.

    Args:
        run_id: names this run.
        paused: begin so.
    """

    def __init__(self, run_id: str, *, paused: bool) -> None:
        self.ring: Ring[Message] = Ring()
        self.control = Control(paused=paused)
        self.ended = False
        self._run = run_id
        self.stage = Stage(self.post, self.control)

    def post(self, kind: str, fields: Message) -> int:
        """Tell something, from any thread."""
        return self.ring.write(kind, {"kind": kind} | fields)

    def greet(self, name: str, file: str) -> None:
        """Say what will run."""
        self.stage.scenes.root(Path.cwd())
        self.post(
            "hello",
            {
                "run": self._run, "script": name, "arguments": [],
                "sources": self.stage.scenes.sources(file), "versions": versions(),
                "mode": "live", "knobs": self.stage.knobs.describe(),
            },
        )  # fmt: skip
        if not self.control.paused:
            where = {"iteration": 0, "step": None, "knobs": self.stage.knobs.values()}
            self.post("state", {"paused": False, "speed": None} | where)

    def find(self, finding: Finding) -> None:
        """Tell what the doctor has found."""
        seq = points_at(finding, self.stage)
        self.post("finding", named(finding, self.stage.scenes.name) | {"seq_of": seq})

    def end(self, reason: str, words: str) -> None:
        """Say that it is over, and why."""
        self.ended = True
        self.post("end", {"reason": reason, "message": words, "exit_code": None})

    def ask(self, asked: Any) -> None:
        """Take a request as it came from a view, whatever it is."""
        try:
            checked = request(asked)
        except RefusedError as error:
            ident = asked.get("id") if isinstance(asked, dict) else None
            if isinstance(ident, str):
                self._refuse(ident[:64], str(error))
            return
        if checked["verb"] == "reset":
            self._refuse(checked["id"], NOT_AGAIN)
        elif self.ended:
            self._refuse(checked["id"], ENDED)
        elif not self.control.ask(checked):
            self._refuse(checked["id"], "too many requests wait")

    def _refuse(self, ident: str, words: str) -> None:
        self.post("ack", {"id": ident, "refused": words})

    def let_go(self) -> None:
        """Nobody can press a button now: go on to the end, at full speed."""
        for verb in ("speed", "play"):
            self.control.ask({"id": "", "verb": verb, "value": None})


def lines(ring: Ring[Message], after: int, limit: int = 10**9) -> tuple[str, int]:
    """What a ring holds after a number, as text; and the number of the last of it."""
    entries = ring.read(after, limit)
    told = [encode({"v": VERSION, "seq": one.seq} | one.content) for one in entries]
    return b"\n".join(told).decode(), entries[-1].seq if entries else after


def recorded(path: Path) -> Callable[[], str]:
    """The text of a record of ``fivestep step --record``, read once.

    Raises:
        OSError, ValueError: there is none, or it is something else.
    """
    from fivestep.page.tape import rewind

    text = b"\n".join(one.content for one in rewind(path).read(0, 10**9)).decode()
    return lambda: text


def encoded(messages: Iterable[Message]) -> str:
    """Messages as the text of a record."""
    told = [encode({"v": VERSION, "seq": seq} | one) for seq, one in enumerate(messages, start=1)]
    return b"\n".join(told).decode()


def is_record(path: Path) -> bool:
    """Tell whether a file begins as a record of messages does."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
        first = json.loads(file.readline())
        return isinstance(first, dict) and {"v", "seq", "kind"} <= first.keys()
    return False
