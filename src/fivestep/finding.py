"""A rule, and what it says when it fires."""

from __future__ import annotations

import ast
import linecache
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from fivestep.vitals.events import Event
from fivestep.vitals.facts import Site
from fivestep.vitals.record import Record, Vitals

Fact = int | float | str | bool
Kind = TypeVar("Kind", bound=Event)


class Severity(Enum):
    """What a finding means for the training."""

    WRONG = "wrong"  # the update is not the one you meant
    SUSPICIOUS = "suspicious"  # almost surely so
    COSTLY = "costly"  # right, but slow


@dataclass(slots=True)
class Finding:
    """A rule that fired: the evidence in numbers, the cause, the fix, the source line.

    A rule fills in the first block; ``rule``, ``code`` and ``severity`` are added by the doctor.
    """

    message: str  # one line: what is there, with its numbers
    cause: str  # why that is a fault
    fix: str  # what to change, as a line of the user's own code where it can be said
    evidence: dict[str, Fact]
    site: Site | None
    iteration: int  # the first in which it was seen
    count: int  # iterations in which it was seen
    confidence: float = 1.0  # below 1 where the rule is statistical

    rule: str = ""
    code: str = ""
    severity: Severity = Severity.WRONG
    consequences: list[Finding] = field(default_factory=list["Finding"])
    ranks: tuple[int, ...] = ()  # on which it was seen, where several reported together


@dataclass(slots=True, frozen=True)
class Rule:
    """One fault that a loop can have, and how to see it: one file of ``fivestep.rules``."""

    name: str
    code: str
    severity: Severity
    summary: str  # first line of the docstring
    text: str  # the docstring
    check: Callable[[Record], Iterable[Finding]]
    sick: Callable[[Any], None]  # takes a Practice
    healthy: Callable[[Any], None]
    explains: tuple[str, ...]  # rules whose findings are consequences of this one
    unchecked: Callable[[Record], str]  # why it could not be checked, "" if it could
    needs: tuple[str, ...]  # what must have been heard before it may say "in order"; see needs.py
    without: dict[str, str]  # variants of the loops that do not apply, and why
    file: str

    @property
    def step(self) -> int:
        """0 data, 1 forward, 2 loss, 3 zero_grad, 4 backward, 5 update, 6 the course of the run."""
        return int(self.code[2])


@dataclass(slots=True)
class Rank:
    """One process of a run that has several, as its report came in."""

    number: int
    iterations: int = 0
    seconds: float = 0.0
    ended: str = ""  # the exception that ended it
    missing: str = ""  # why nothing came from it; "" if its report is here


@dataclass(slots=True)
class Report:
    """What the doctor says of a run."""

    findings: list[Finding]
    checked: list[str]  # rules that were checked and found in order
    not_checked: dict[str, str]  # rule -> why
    ignored: list[Finding] = field(default_factory=list[Finding])
    iterations: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list[str])  # of the watcher itself
    ended: str = ""  # the exception that ended the program
    ranks: list[Rank] = field(default_factory=list[Rank])  # of a run with several processes
    notes: list[str] = field(default_factory=list[str])  # how far the report reaches
    site: Site | None = None  # a line of the loop, for whoever must place what has no line

    @property
    def wrong(self) -> bool:
        """Something is surely wrong: exit code 1 with ``--check``."""
        return any(one.severity is Severity.WRONG for one in self.findings)


@dataclass(slots=True)
class Sighting(Generic[Kind]):
    """The same fault at the same line, seen in one or many iterations."""

    events: list[tuple[Vitals, Kind]]

    @property
    def first(self) -> Kind:
        """The event with which it began."""
        return self.events[0][1]

    @property
    def last(self) -> Kind:
        """The latest event."""
        return self.events[-1][1]

    @property
    def iteration(self) -> int:
        """The iteration of the first event."""
        return self.events[0][0].iteration

    @property
    def count(self) -> int:
        """Iterations in which it was seen, those counted as repeats included."""
        return sum(
            repeats for _, repeats in {id(v): (v, v.repeats) for v, _ in self.events}.values()
        )

    def finding(
        self,
        *,
        message: str,
        cause: str,
        fix: str,
        evidence: dict[str, Fact],
        site: Site | None = None,
        confidence: float = 1.0,
    ) -> Finding:
        """Say it: at the line of the first event unless ``site`` names another."""
        return Finding(
            message, cause, fix, evidence, site or self.first.site, self.iteration, self.count,
            confidence,
        )  # fmt: skip


def sightings(events: Iterable[tuple[Vitals, Kind]]) -> Iterator[Sighting[Kind]]:
    """Gather events by the line at which they happened, in the order of their first."""
    by_site: dict[Site | None, list[tuple[Vitals, Kind]]] = {}
    for vitals, event in events:
        by_site.setdefault(event.site, []).append((vitals, event))
    return (Sighting(one) for one in by_site.values())


def source(site: Site | None) -> str:
    """The user's line as it stands in the file, "" if it cannot be read."""
    return linecache.getline(site.file, site.line).strip() if site is not None else ""


def receiver(site: Site | None, method: str, default: str) -> str:
    """What the user calls the thing: ``opt`` in ``opt.step()``; ``default`` if unreadable."""
    found = re.search(rf"([A-Za-z_][\w.\[\]]*)\.{method}\(", source(site))
    return found.group(1) if found else default


def argument(site: Site | None, default: str) -> str:
    """What the user gives the model: ``x`` in ``model(x)``; ``default`` if it cannot be read."""
    for call in _calls(source(site)):
        given = call.args[0] if call.args else None
        while isinstance(given, ast.Call) and isinstance(given.func, ast.Attribute):
            given = given.func.value  # x.to(device), x.view(-1, 4).float()
        if isinstance(given, ast.Name) and not _is_method(call.func):
            return given.id
    return default


def _calls(line: str) -> list[ast.Call]:
    """The calls in one line of code, none if it is part of a longer statement."""
    for text in (line, line + " pass"):
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return []


def _is_method(function: ast.expr) -> bool:
    return (
        isinstance(function, ast.Attribute)
        and not (isinstance(function.value, ast.Name) and function.value.id == "self")
    )  # fmt: skip
