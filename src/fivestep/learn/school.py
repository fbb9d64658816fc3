"""Serves the lessons: runs the script of the chosen one, and lets its runs answer questions.

Everything that the page must know of a lesson is told between two runs, for the messages of a run
have their numbers from the process that it runs in.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fivestep.learn.cards import Question, Try
from fivestep.learn.contents import LESSONS
from fivestep.learn.heard import Heard
from fivestep.learn.settings import Given, arguments
from fivestep.page.protocol import LEARNING, Message, RefusedError
from fivestep.page.supervise import Supervisor

LOADS = ("torch._dynamo",)  # by the first optimizer that is made: all our scripts make one
OURS = "school"  # requests of our own begin so
TOUCHES = {"knob"}  # what makes a run another one than the question asked for


@dataclass
class Answering:
    """A question that is being answered by runs."""

    lesson: int
    question: Question
    answer: Any
    runs: list[Heard] = field(default_factory=list[Heard])

    @property
    def next(self) -> Try:
        """The run that comes."""
        return self.question.tries[len(self.runs)]

    def place(self) -> Message:
        """Which question it is."""
        return {"lesson": self.lesson, "question": self.question.name}

    def plain(self) -> Message:
        """As it is told to a page."""
        place = {"run": len(self.runs) + 1, "of": len(self.question.tries)}
        return {"question": self.question.name, "label": self.next.label} | place


class School(Supervisor):
    """Runs the script of a lesson, again and again.

    Args:
        number: of the first lesson.
    """

    def __init__(self, number: int) -> None:
        super().__init__("", [], loads=LOADS)
        self.lesson = True
        self._number = number
        self._lesson = LESSONS[number - 1]
        self._values = self._lesson.values()
        self._points: list[list[float]] | None = None
        self._answering: Answering | None = None
        self._superseded: list[Message] = []
        self._dropped: list[Message] = []
        self._heard = Heard()
        self._listed = False
        self._folder: Path | None = None  # where a learner's own data are, for one run

    # -- what a page asks for -------------------------------------------------------------------

    def ask(self, request: Message) -> bool:
        """Take what concerns the lesson; hand everything else to the script.

        Raises:
            RefusedError: it cannot be.
        """
        verb = request["verb"]
        if verb not in LEARNING and verb != "reset":
            if verb in TOUCHES:
                self._heard.touched = True
            return super().ask(request)
        with self._lock:
            changes = {
                "lesson": self._choose, "settings": self._set, "answer": self._answer,
                "points": self._place,
            }  # fmt: skip
            if verb in changes:
                changes[verb](request)
            if verb != "answer":
                self._drop("the run was begun anew before it had answered")
            if self._reset is not None:
                self._superseded.append(self._reset)
            self._reset = request
        return True

    def _choose(self, request: Message) -> None:
        number = request["value"]
        if not 1 <= number <= len(LESSONS):
            raise RefusedError(f"lesson: a number from 1 to {len(LESSONS)}")
        self._number, self._lesson = number, LESSONS[number - 1]
        self._values, self._points = self._lesson.values(), None

    def _set(self, request: Message) -> None:
        self._values = self._lesson.values(self._values | request["value"])

    def _answer(self, request: Message) -> None:
        question = self._lesson.question(request["name"])
        answer = question.accept(request["value"])
        self._drop("another answer was given")
        self._answering = Answering(self._number, question, answer)

    def _place(self, request: Message) -> None:
        if not self._lesson.own_data:
            raise RefusedError("points: this lesson has its own data")
        self._points = request["value"]

    def _drop(self, why: str) -> None:
        if self._answering is not None:
            self._dropped.append(self._answering.place() | {"dropped": why})
            self._answering = None

    # -- a run ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Run the script of the lesson from its start."""
        with self._lock:
            answering = self._answering
            values = self._values
            if answering is not None:
                values = self._lesson.values(answering.next.settings)
            self._heard = Heard(answering.next.label if answering else "")
            self._tell(values)
            self._target = str(self._lesson.path)
            self._arguments = arguments(values) + ([] if answering else self._data())
        super().start()
        if answering is not None:
            self._let_answer(answering)

    def stop(self) -> None:
        """End the script's process, and leave nothing of its data."""
        super().stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _tell(self, values: dict[str, Given]) -> None:
        if not self._listed:
            titles = [{"title": one.title, "about": one.about} for one in LESSONS]
            self.post("lessons", {"lessons": titles})
            self._listed = True
        for request in self._superseded:
            self.post("ack", {"id": request["id"], "applied": {"verb": request["verb"]}})
        for dropped in self._dropped:
            self.post("verdict", dropped)
        self._superseded, self._dropped = [], []
        answering, points = self._answering, self._points
        self.post(
            "lesson",
            {
                "number": self._number, "values": values, "points": points,
                "answering": answering.plain() if answering is not None else None,
            }
            | self._lesson.plain(),
        )  # fmt: skip

    def _data(self) -> list[str]:
        if self._points is None:
            return []
        self._folder = Path(tempfile.mkdtemp(prefix="fivestep-learn-"))
        path = self._folder / "points.csv"
        path.write_text("".join(f"{x!r},{y!r}\n" for x, y in self._points), encoding="utf-8")
        return [f"--data={path}"]

    def _let_answer(self, answering: Answering) -> None:
        """Turn the knobs of the question, and let the script run to its end."""
        wanted: list[Message] = [
            {"verb": "knob", "name": name, "value": value}
            for name, value in answering.next.knobs.items()
        ]
        wanted += [{"verb": "speed", "value": answering.question.speed}, {"verb": "play"}]
        for count, request in enumerate(wanted):
            super().ask(request | {"id": f"{OURS}-{count}"})

    # -- what a run tells -----------------------------------------------------------------------

    def _keep(self, seq: int, kind: str, line: bytes) -> None:
        super()._keep(seq, kind, line)
        if kind in ("iteration", "moment", "output", "finding", "end", "ack"):
            self._hear(json.loads(line))

    def _hear(self, told: Message) -> None:
        self._heard.take(told)
        answering = self._answering
        if told["kind"] == "ack" and told["id"].startswith(OURS) and "refused" in told:
            self._heard.words = told["refused"]
            self._heard.touched = True
        if told["kind"] != "end" or told["reason"] == "reset" or answering is None:
            return
        if told["reason"] != "finished" or self._heard.touched:
            self._cannot_say(answering)
            return
        answering.runs.append(self._heard)
        if len(answering.runs) < len(answering.question.tries):
            self._reset = {"id": f"{OURS}-next", "verb": "answer"}
        else:
            self._say(answering)

    def _cannot_say(self, answering: Answering) -> None:
        why = f"the run did not come to its end: {self._heard.words}"
        if self._heard.touched:
            why = "a knob was turned while it ran, so it was another run than the one asked for"
        self._answering = None
        self.post("verdict", answering.place() | {"dropped": why})

    def _say(self, answering: Answering) -> None:
        self._answering = None
        question, runs = answering.question, answering.runs
        place = answering.place() | {"answer": answering.answer}
        curves = question.curves(runs)
        try:
            judged = question.judge(answering.answer, runs)
        except (ValueError, LookupError, StopIteration, ArithmeticError) as error:
            # A run that somebody steered by hand may lack what the question is about.
            judged = {"dropped": f"the run did not tell what was asked: {error!r}"}
        self.post("verdict", place | judged | {"curves": curves})
