"""What a moment shows of the code: the lit line, the names on it, the text of the file."""

from __future__ import annotations

import linecache
import tokenize
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from fivestep import loop
from fivestep.page import lines, values
from fivestep.page.protocol import Message
from fivestep.page.rewrite import changes
from fivestep.report.place import cell
from fivestep.vitals import Site

LOOP = loop.__file__
LONG = 400_000  # characters of a file that is shown


class Lit(NamedTuple):
    """Where a step stands: the user's line, and that of ``train`` where it is the one that runs."""

    line: int | None
    site: Message | None
    inside: Message | None
    file: str
    at: int


class Scenes:
    """Tells moments; sends the text of a file the first time that a line of it is lit."""

    def __init__(self, post: Callable[[str, Message], int]) -> None:
        self._post = post
        self._files: dict[str, str] = {}
        self._root = Path.cwd()
        self.latest: dict[str, int] = {}  # step -> number of its last moment
        self.last = 0
        self.next: Message = {}  # the line before which the loop waits
        self.clipped = False
        self.lines: dict[str, set[int]] = {}  # of each step in the script itself
        self._script = ""

    def root(self, folder: Path) -> None:
        """Name files as they are named from here."""
        self._root = folder

    def sources(self, file: str) -> list[Message]:
        """The script itself, sent with the greeting."""
        name = self._files[file] = self._name(file)
        self._script = file
        return [{"file": name, "text": read(file)}]

    def changes(self, knobs: Message) -> None:
        """Tell of the script with these knobs written into it."""
        if self._script:
            told = changes(self.name(self._script), read(self._script), self.lines, knobs)
            self._post("changes", told)

    def name(self, file: str) -> str:
        """What a file is called in messages."""
        return self._files.get(file) or self._name(file)

    def _shown(self, file: str) -> str:
        name = self._files.get(file)
        if name is None:
            name = self._files[file] = self._name(file)
            self._post("source", {"file": name, "text": read(file)})
        return name

    def _name(self, file: str) -> str:
        if file == LOOP:
            return "fivestep/loop.py"
        if inside := cell(Site(file, 1, "")):
            return f"Cell {inside}"
        try:
            name = Path(file).resolve().relative_to(self._root.resolve()).as_posix()
        except (ValueError, OSError):
            name = Path(file).name
        while name in self._files.values() and self._files.get(file) != name:
            name = f"{Path(file).parent.name}/{name}"
            if name.count("/") > 8:
                break
        return name

    def at(self, site: Site | None) -> None:
        """The loop will wait before this line."""
        self.next = {"site": self._told(site)} if site is not None else {}

    def _told(self, site: Site) -> Message:
        return {"file": self._shown(site.file), "line": site.line, "function": site.function}

    def place(self, frame: FrameType, site: Site | None, *, by_hand: bool) -> Lit:
        """Where a step stands that was called from a frame."""
        near: FrameType | None = frame
        while near is not None and near.f_code.co_filename != LOOP:
            if site is not None and near.f_code.co_filename == site.file:
                break
            near = near.f_back
        if near is not None and near.f_code.co_filename == LOOP:
            inside = Site(LOOP, near.f_lineno, near.f_code.co_name)
            return Lit(None, site and self._told(site), self._told(inside), LOOP, inside.line)
        if site is None:
            return Lit(None, None, None, "", 0)
        line = _where_judged(near, site) if by_hand and near is not None else None
        at = line or site.line
        told = self._told(Site(site.file, at, site.function))
        return Lit(line, told, None, site.file, at)

    def named(self, frame: FrameType, site: Site | None) -> list[Any]:
        """The values that are named where a loss was made by hand."""
        lit = self.place(frame, site, by_hand=True)
        statement = lines.statement(lit.file, lit.at)
        near: FrameType | None = frame
        while near is not None and near.f_code.co_filename != lit.file:
            near = near.f_back
        if near is None or statement is None:
            return []
        return values.of_names(near, statement.names)

    def ahead(self, frame: FrameType, site: Site | None) -> list[Any]:
        """The values that are named where a loss is made, in the lines from here on."""
        if site is None or frame.f_code.co_filename != site.file:
            return []
        return values.of_names(frame, lines.losses(site.file, site.line))

    def moment(self, told: Message, frame: FrameType | None, lit: Lit, result: Any) -> None:
        """Tell a moment; without a frame, without values: the loop has gone on meanwhile."""
        self.next = {}
        if lit.inside is None and lit.file == self._script and not told.get("moved"):
            self.lines.setdefault(told["step"], set()).add(lit.at)
        moment = told | {"site": lit.site, "values": _values(frame, lit, result)}
        if lit.inside is not None:
            moment["inside"] = lit.inside
        if self.clipped and told["step"] == "update":
            moment["clipped"], self.clipped = True, False
        self.last = self.latest[told["step"]] = self._post("moment", moment)


def _where_judged(frame: FrameType, site: Site) -> int | None:
    """The line that made the loss whose ``backward()`` is called here."""
    for name in lines.judged(site.file, site.line):
        if values.is_tensor(frame, name):
            return lines.given(site.file, site.line, name)
    return None


def _values(frame: FrameType | None, lit: Lit, result: Any) -> list[Message]:
    near: FrameType | None = frame
    while near is not None and near.f_code.co_filename != lit.file:
        near = near.f_back
    statement = lines.statement(lit.file, lit.at) if near is not None else None
    if near is None or statement is None:
        return []
    if near.f_lineno < statement.line or lit.line is not None:  # the line has been run already
        return values.shown(near, statement._replace(targets=()), None, result)
    return values.shown(near, statement, lines.calling(near), result)


def read(file: str) -> str:
    """The text of a file, or of a notebook's cell, as Python reads it; empty if it has none."""
    try:
        with tokenize.open(file) as opened:
            return opened.read(LONG)
    except (OSError, SyntaxError, UnicodeDecodeError):
        return "".join(linecache.getlines(file))[:LONG]
