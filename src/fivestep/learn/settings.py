"""What a learner may set: numbers and choices that become the arguments of a script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from fivestep.page.protocol import Message, RefusedError

Given = float | int | str


@dataclass(frozen=True)
class Number:
    """A setting that is a number.

    Args:
        name: of the script's argument, ``lr`` for ``--lr``.
        label: for people.
        value: where it begins.
        low: the least.
        high: the largest.
        whole: without a fraction.
        log: its slider goes by factors.
    """

    name: str
    label: str
    value: float
    low: float
    high: float
    whole: bool = False
    log: bool = False

    def accept(self, given: Any) -> Given:
        """A value that came from a page, as the script takes it; RefusedError if it cannot."""
        fine = isinstance(given, (int, float)) and not isinstance(given, bool)
        if not fine or not math.isfinite(given) or not self.low <= given <= self.high:
            raise RefusedError(f"{self.name}: a number from {self.low:g} to {self.high:g}")
        if self.whole and given != int(given):
            raise RefusedError(f"{self.name}: a whole number was expected")
        return int(given) if self.whole else float(given)

    def plain(self) -> Message:
        """As it is told to a page."""
        return {
            "name": self.name, "label": self.label, "value": self.value,
            "range": [self.low, self.high], "whole": self.whole, "log": self.log,
        }  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """A setting that is one of several words.

    Args:
        name: of the script's argument.
        label: for people.
        value: where it begins.
        choices: each word, and what people read for it.
    """

    name: str
    label: str
    value: str
    choices: dict[str, str]

    def accept(self, given: Any) -> Given:
        """A value that came from a page; RefusedError if it is none of the choices."""
        if not isinstance(given, str) or given not in self.choices:
            raise RefusedError(f"{self.name}: one of {', '.join(self.choices)}")
        return given

    def plain(self) -> Message:
        """As it is told to a page."""
        return {
            "name": self.name, "label": self.label, "value": self.value, "choices": self.choices
        }  # fmt: skip


Setting = Number | Choice


def arguments(values: dict[str, Given]) -> list[str]:
    """Values as they stand on a command line."""
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
