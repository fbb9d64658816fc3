"""What one run of a lesson's script told, and what can be said of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from fivestep.page.protocol import Message

MOMENTS = 500  # kept of one run
LINES = 2000
CURVE = 200  # points of a curve that is told
WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Heard:
    """One run, from its messages.

    Args:
        label: what it is called beside other runs of the same question.
    """

    def __init__(self, label: str = "") -> None:
        self.label = label
        self.losses: dict[int, float] = {}
        self.moments: list[Message] = []
        self.lines: list[str] = []
        self.findings: list[Message] = []
        self.reason: str | None = None  # why it ended
        self.words = ""  # with which it ended
        self.touched = False  # a knob was turned by hand, or the run was stepped through

    def take(self, told: Message) -> None:
        """Hear one message."""
        kind = told["kind"]
        if kind == "iteration" and told["loss"] is not None:
            self.losses[told["iteration"]] = value(told["loss"])
        elif kind == "moment" and len(self.moments) < MOMENTS:
            self.moments.append(told)
        elif kind == "output" and len(self.lines) < LINES:
            self.lines.append(told["text"])
        elif kind == "finding":
            self.findings.append(told)
        elif kind == "withdrawn":
            self.findings = [one for one in self.findings if one["seq"] != told["seq_of"]]
        elif kind == "end":
            self.reason, self.words = told["reason"], told.get("message") or ""

    @property
    def course(self) -> list[float]:
        """The losses in the order of the iterations."""
        return [self.losses[one] for one in sorted(self.losses)]

    @property
    def first(self) -> float:
        """The first loss; NaN if there was none."""
        return next(iter(self.course), math.nan)

    @property
    def last(self) -> float:
        """The last loss; NaN if there was none."""
        return next(reversed(self.course), math.nan)

    def number(self, name: str) -> float:
        """The number after a name in the last line printed that has it; NaN if none has."""
        return next(reversed(self.printed(name)), math.nan)

    def printed(self, name: str) -> list[float]:
        """The numbers after a name in the lines that have it, the first of each, in their order."""
        found = (_after(name, line) for line in self.lines)
        return [one for one in found if one is not None]

    def curve(self, name: str = "") -> Message:
        """The losses as a page draws them, or what was printed; not more than can be seen."""
        losses = dict(enumerate(self.printed(name), start=1)) if name else self.losses
        places = sorted(losses)
        every = max(1, math.ceil(len(places) / CURVE))
        kept = [one for i, one in enumerate(places) if i % every == 0 or one == places[-1]]
        told = [_finite(losses[one]) for one in kept]
        return {"label": self.label, "iterations": kept, "losses": told}


def _after(name: str, line: str) -> float | None:
    words = line.replace("=", " ").replace(":", " ").replace(",", " ").split()
    for word, following in pairwise(words):
        if word == name:
            try:
                return float(following)
            except ValueError:
                continue
    return None


def value(told: Any) -> float:
    """A number of the protocol."""
    return WORDS[told] if isinstance(told, str) else float(told)


def _finite(loss: float) -> float | None:
    return float(f"{loss:.6g}") if math.isfinite(loss) else None


def shape(losses: Sequence[float]) -> str:
    """Say what a curve does: ``falls``, ``grows``, ``swings`` or ``stays``.

    It *swings* if it turns at least twice by a tenth of its first value, goes on doing so in its
    second half, and gets no higher there than before; it *grows* if it ends, or blows up, above one
    and a half times its first value; it *falls* if its last tenth is below half of it.
    """
    if len(losses) < 2:
        return "stays"
    if not all(map(math.isfinite, losses)):
        return "grows"
    start, half = abs(losses[0]) or 1.0, len(losses) // 2
    early, late = losses[:half], losses[half:]
    bounded = max(late) <= 1.2 * max(*early, start)
    if bounded and turns(losses, 0.1 * start) >= 2 and max(late) - min(late) > 0.1 * start:
        return "swings"
    tail = losses[-max(1, len(losses) // 10) :]
    if max(tail) > 1.5 * start:
        return "grows"
    return "falls" if max(tail) < 0.5 * start else "stays"


def turns(losses: Sequence[float], least: float) -> int:
    """Count how often a curve turns round, wiggles smaller than ``least`` left out."""
    count, direction, extreme = 0, 0, losses[0]
    for loss in losses[1:]:
        if direction * (loss - extreme) > 0 or (direction == 0 and abs(loss - extreme) > least):
            direction = 1 if loss > extreme else -1
            extreme = loss
        elif direction and abs(loss - extreme) > least:
            count, direction, extreme = count + 1, -direction, loss
    return count
