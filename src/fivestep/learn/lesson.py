"""One lesson: what it is about, its script, its settings, its cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fivestep.learn.cards import Card, Choose, Draw, Question
from fivestep.learn.settings import Given, Setting
from fivestep.page.protocol import Message, RefusedError

SCRIPTS = Path(__file__).parent / "scripts"


@dataclass(frozen=True)
class Lesson:
    """One lesson.

    Args:
        title: a few words.
        about: a sentence.
        script: the name of its file in ``scripts``.
        settings: the arguments of the script that a learner may set.
        cards: in their order.
        own_data: the script takes ``--data FILE``, a CSV of x and y.
    """

    title: str
    about: str
    script: str
    settings: tuple[Setting, ...]
    cards: tuple[Card, ...]
    own_data: bool = False

    @property
    def path(self) -> Path:
        """Where the script is."""
        return SCRIPTS / self.script

    def values(self, given: dict[str, Any] | None = None) -> dict[str, Given]:
        """The settings as the lesson begins, with those that are given.

        Raises:
            RefusedError: there is no such setting, or it cannot be that.
        """
        values: dict[str, Given] = {one.name: one.accept(one.value) for one in self.settings}
        by_name = {one.name: one for one in self.settings}
        for name, value in (given or {}).items():
            if name not in by_name:
                raise RefusedError(f"settings: one of {', '.join(by_name)} was expected")
            values[name] = by_name[name].accept(value)
        return values

    def question(self, name: str) -> Question:
        """The question of this name.

        Raises:
            RefusedError: there is none.
        """
        for one in self.cards:
            if isinstance(one, (Choose, Draw)) and one.name == name:
                return one
        raise RefusedError("answer: this lesson has no such question")

    def plain(self) -> Message:
        """As it is told to a page."""
        return {
            "title": self.title, "about": self.about, "own_data": self.own_data,
            "settings": [one.plain() for one in self.settings],
            "cards": [one.plain() for one in self.cards],
        }  # fmt: skip
