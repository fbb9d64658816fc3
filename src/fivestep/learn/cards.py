"""The cards of a lesson: predict, do, see, explain.

A prediction is answered by runs of the lesson's script: the verdict is reckoned from what they told,
so that no card knows beforehand what is right.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fivestep.learn.heard import Heard, shape
from fivestep.learn.settings import Given
from fivestep.page.protocol import Message, RefusedError

SPEED = 100.0  # steps a second at which a run answers: it can be watched, and told in detail
SHAPES = {
    "falls": "falls and settles",
    "swings": "swings up and down without settling",
    "stays": "hardly changes",
    "grows": "grows",
    "dips": "falls and then climbs",
}


@dataclass(frozen=True)
class Try:
    """One run that helps to answer.

    Args:
        label: what it is called beside the others.
        settings: of the script, where they are not as the lesson begins.
        knobs: turned before the first step.
    """

    label: str = ""
    settings: dict[str, Given] = field(default_factory=dict[str, Given])
    knobs: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Explain:
    """Words. ``code`` stands between backticks, an empty line begins a paragraph."""

    text: str

    def plain(self) -> Message:
        """As it is told to a page."""
        return {"card": "explain", "text": self.text}


@dataclass(frozen=True)
class See:
    """Words on one panel of the page.

    Args:
        text: as of Explain.
        panel: ``chips``, ``source``, ``equation``, ``loss``, ``layers``, ``findings``, ``knobs``,
            ``settings``, ``output``, or another class name of the page's panels.
    """

    text: str
    panel: str

    def plain(self) -> Message:
        """As it is told to a page."""
        return {"card": "see", "text": self.text, "panel": self.panel}


@dataclass(frozen=True)
class Do:
    """Something to press; the page notices when it was done.

    Args:
        text: as of Explain.
        verb: a request that is wanted (``step``, ``iteration``, ``play``, ``reset``, ``settings``,
            ``points``), or ``end``: the run has come to its end.
        times: how often.
        knob: wanted instead of a verb: that this knob was turned.
        setting: wanted instead of a verb: that this setting was changed; with a knob, either of them.
        start: begin anew with the lesson's settings, and these among them; None leaves the run.
    """

    text: str
    verb: str = ""
    times: int = 1
    knob: str = ""
    setting: str = ""
    start: dict[str, Given] | None = None

    def plain(self) -> Message:
        """As it is told to a page."""
        wanted = {"verb": self.verb, "times": self.times, "knob": self.knob}
        done = wanted | {"setting": self.setting}
        return {"card": "do", "text": self.text, "done": done, "start": self.start}


@dataclass(frozen=True)
class Choose:
    """A question with answers to choose from.

    Args:
        name: of the question, within the lesson.
        text: what leads to it.
        question: itself.
        answers: each name, and the words for it.
        truth: the name of the right answer, from the runs.
        words: what is said of the runs.
        tries: the runs.
        speed: steps a second; None for as fast as it goes.
        printed: draw what the script prints after this name, epoch by epoch, and not the loss.
    """

    name: str
    text: str
    question: str
    answers: dict[str, str]
    truth: Callable[[list[Heard]], str]
    words: Callable[[list[Heard]], str]
    tries: tuple[Try, ...] = (Try(),)
    speed: float | None = SPEED
    printed: str = ""

    def plain(self) -> Message:
        """As it is told to a page: without the truth, which nobody knows yet."""
        return {
            "card": "predict", "how": "choose", "name": self.name, "text": self.text,
            "question": self.question, "answers": self.answers, "runs": len(self.tries),
            "axis": "epoch" if self.printed else "iteration",
        }  # fmt: skip

    def accept(self, given: Any) -> Any:
        """Check an answer that came from a page."""
        if not isinstance(given, str) or given not in self.answers:
            raise RefusedError(f"answer: one of {', '.join(self.answers)}")
        return given

    def judge(self, answer: Any, runs: list[Heard]) -> Message:
        """Hold an answer against the runs."""
        truth = self.truth(runs)
        return {"right": answer == truth, "truth": truth, "words": self.words(runs)}

    def curves(self, runs: list[Heard]) -> list[Message]:
        """What is drawn of the runs."""
        return [one.curve(self.printed) for one in runs]


@dataclass(frozen=True)
class Draw:
    """A curve to be drawn beforehand: the loss, in units of the first one, against the iteration.

    Args:
        name: of the question, within the lesson.
        text: what leads to it.
        question: itself.
        span: iterations from left to right.
        words: what is said of the run, after its shape.
        points: how many the learner sets; the first is 1.
        top: of the drawing, in first losses.
        tries: one run.
        speed: steps a second; None for as fast as it goes.
        printed: the curve is what the script prints after this name, epoch by epoch.
        shape: names what a curve does, the drawn one and the real one: a name of SHAPES.
    """

    name: str
    text: str
    question: str
    span: int
    words: Callable[[list[Heard]], str]
    points: int = 9
    top: float = 2.0
    tries: tuple[Try, ...] = (Try(),)
    speed: float | None = SPEED
    printed: str = ""
    shape: Callable[[Sequence[float]], str] = shape

    def plain(self) -> Message:
        """As it is told to a page."""
        return {
            "card": "predict", "how": "draw", "name": self.name, "text": self.text,
            "question": self.question, "span": self.span, "points": self.points, "top": self.top,
            "runs": len(self.tries), "axis": "epoch" if self.printed else "iteration",
        }  # fmt: skip

    def accept(self, given: Any) -> Any:
        """Check an answer that came from a page."""
        fine = isinstance(given, list) and len(given) == self.points  # pyright: ignore
        if not fine or not all(0 <= one <= self.top for one in given):
            raise RefusedError(f"answer: {self.points} numbers from 0 to {self.top:g}")
        return given

    def judge(self, answer: Any, runs: list[Heard]) -> Message:
        """Hold the shape of a drawing against that of the run."""
        drawn, truth = self.shape(answer), self.shape(self.course(runs[0]))
        said = f"You drew a loss that {SHAPES[drawn]}. In the real run it {SHAPES[truth]}."
        words = f"{said} {self.words(runs)}"
        return {"right": drawn == truth, "truth": truth, "words": words}

    def course(self, run: Heard) -> list[float]:
        """The curve that was asked for."""
        return run.printed(self.printed) if self.printed else run.course

    def curves(self, runs: list[Heard]) -> list[Message]:
        """What is drawn of the runs."""
        return [one.curve(self.printed) for one in runs]


Question = Choose | Draw
Card = Explain | See | Do | Choose | Draw


def told(number: float) -> str:
    """A number in the words of a verdict: four digits."""
    return f"{number:.4g}" if math.isfinite(number) else str(number)
