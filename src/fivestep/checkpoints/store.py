"""A folder of checkpoints: each written whole, proven, then the old ones removed; read with proof.

    checkpoint-0000000012-<SHA-256>.json      the manifest: everything but the tensors
    fragment-<SHA-256>.safetensors            tensors; several manifests may name one fragment

A file's name carries the SHA-256 of what is in it, so a damaged, exchanged or half-written file is
no file of a checkpoint. The manifest comes last: without it the fragments mean nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from fivestep.checkpoints.codec import Tensors
from fivestep.checkpoints.disk import Disk, current, write_whole
from fivestep.checkpoints.fragments import from_bytes, to_bytes
from fivestep.checkpoints.marks import Mark, holds, marked
from fivestep.version import __version__

FORMAT = 1  # of the folder; raised when a reader of the old one would misread the new one
_MANIFEST = re.compile(r"checkpoint-(\d{10})-([0-9a-f]{64})\.json")
_FRAGMENT = re.compile(r"fragment-([0-9a-f]{64})\.safetensors")
_TEMPORARY = re.compile(r"\.(checkpoint|fragment)-.*\.tmp")


class DamagedError(RuntimeError):
    """There are checkpoints, and none of them can be read."""


class Written(NamedTuple):
    """What one save wrote."""

    serial: int
    size_bytes: int


class Found(NamedTuple):
    """A checkpoint as it was read, and the newer ones that could not be."""

    serial: int
    body: dict[str, Any]
    tensors: dict[str, Tensors]  # by the name of their fragment
    refused: list[str]


class Store:
    """The checkpoints of one folder. Who writes holds its ``Lock``.

    Args:
        folder: of one training.
        keep: how many of the newest stay.
        best: whether the newest that is marked as the best stays besides them.
        disk: what reads and writes.
    """

    def __init__(
        self, folder: Path, *, keep: int = 2, best: bool = True, disk: Disk | None = None
    ) -> None:
        self.folder, self.keep, self._keeps_best = folder, keep, best
        self._disk = disk or current()
        self._bad: set[str] = set()  # manifests that were refused
        self._marks: dict[str, Mark | None] = {}  # by manifest, as they were read

    def manifests(self) -> list[str]:
        """Name the manifests, the newest first, whole or not."""
        found = [name for name in self._names() if _MANIFEST.fullmatch(name)]
        return sorted(found, reverse=True)

    def save(self, body: dict[str, Any], fragments: dict[str, dict[str, Tensor]]) -> Written:
        """Write a checkpoint, prove that it can be read, then remove those beyond ``keep``.

        Raises:
            OSError: it could not be written. What was there before is there still.
            DamagedError: what was written cannot be read back. So is what was before.
        """
        size, held = 0, dict[str, str]()
        for name, tensors in fragments.items():
            data = to_bytes(tensors)
            size += len(data)
            held[name] = self._put(data)
        self._disk.sync_folder(self.folder)
        serial = max((_serial(name) for name in self.manifests()), default=0) + 1
        stamped = {"format": FORMAT, "fivestep": __version__, "serial": serial} | body
        data = json.dumps(stamped | {"fragments": held}, allow_nan=False).encode()
        name = f"checkpoint-{serial:010}-{_digest(data)}.json"
        write_whole(self._disk, self.folder / name, data)
        self._disk.sync_folder(self.folder)
        self._prove(name)
        self._prune(name, stamped)
        return Written(serial, size + len(data))

    def newest(self) -> Found | None:
        """Read the newest checkpoint that is whole; None where there is none at all.

        Raises:
            DamagedError: there are some, and none is whole.
            ValueError: the newest whole one is of a newer format.
        """
        refused: list[str] = []
        for name in self.manifests():
            try:
                found = self.read(name)
            except (OSError, ValueError) as error:
                refused.append(f"{name}: {error}")
                self._bad.add(name)
                continue
            self._need_format(found.body, name)
            return found._replace(refused=refused)
        if refused:
            listed = "\n  ".join(refused)
            raise DamagedError(
                f"checkpoint: no checkpoint in {self.folder} can be read\n  {listed}\n"
                "  do: put back its files from a copy, or start anew in another folder"
            )
        return None

    def read(self, name: str) -> Found:
        """Read the checkpoint of a manifest, every file held against its hash.

        Raises:
            OSError, ValueError: it cannot be read, or it is not whole.
        """
        body = self._manifest(name)
        newer = body["format"] > FORMAT  # its fragments are for a newer reader
        return Found(_serial(name), body, {} if newer else self._fragments(body), [])

    def best(self, newest: Found) -> tuple[str | None, list[str]]:
        """Name the best checkpoint of the training of ``newest``, every file held against its hash.

        Returns:
            Its manifest, None where none is kept, and those that may be it and cannot be read.
        """
        refused: list[str] = []
        for name in self.manifests():
            if name in self._bad or not self._keeps_best:
                continue
            try:
                mark = marked(body := self._manifest(name))
                if mark is None or not holds(mark, newest.body):
                    continue
                if _serial(name) != newest.serial:  # which was read a moment ago
                    for fragment in body["fragments"].values():
                        self._checked(fragment, _FRAGMENT)
            except (OSError, ValueError) as error:
                refused.append(f"{name}: {error}")
                self._bad.add(name)
                continue
            return name, refused
        return None, refused

    def _need_format(self, body: dict[str, Any], name: str) -> None:
        if body["format"] > FORMAT:
            raise ValueError(
                f"{name} has format {body['format']}, and this fivestep ({__version__}) reads up "
                f"to {FORMAT}\n  do: pip install -U fivestep"
            )

    def _put(self, data: bytes) -> str:
        name = f"fragment-{_digest(data)}.safetensors"
        if not self._has(name, data):
            write_whole(self._disk, self.folder / name, data)
        return name

    def _has(self, name: str, data: bytes) -> bool:
        if name not in self._names():
            return False
        if self._disk.read(self.folder / name) == data:
            return True
        self._disk.remove(self.folder / name)  # it was damaged, and is written anew
        return False

    def _fragments(self, body: dict[str, Any]) -> dict[str, Tensors]:
        return {label: self._fragment(name) for label, name in body["fragments"].items()}

    def _manifest(self, name: str) -> dict[str, Any]:
        try:
            body = json.loads(self._checked(name, _MANIFEST))
        except RecursionError as error:  # nobody wrote it by saving
            raise ValueError("it is nested too deeply") from error
        if not isinstance(body, dict) or body.get("serial") != _serial(name):
            raise ValueError("it is not what its name says")
        if not _has_form(body):
            raise ValueError("it has not the form of a manifest")
        return body

    def _fragment(self, name: str) -> Tensors:
        data = self._checked(name, _FRAGMENT)
        try:
            return from_bytes(data)
        except Exception as error:  # safetensors has an error of its own for each release
            raise ValueError(f"{name} is no safetensors file: {error}") from error

    def _checked(self, name: str, form: re.Pattern[str]) -> bytes:
        """Read a file and hold it against its name."""
        named = form.fullmatch(name)
        if named is None:
            raise ValueError(f"{name[:100]!r} is no name of a file of a checkpoint")
        try:
            data = self._disk.read(self.folder / name)
        except FileNotFoundError as error:
            raise ValueError(f"{name} is missing") from error
        if _digest(data) != named[form.groups]:
            raise ValueError(f"{name} was cut short or altered: its SHA-256 is another one")
        return data

    def _prove(self, name: str) -> None:
        try:
            for fragment in self._manifest(name)["fragments"].values():
                self._checked(fragment, _FRAGMENT)
        except ValueError as error:
            self._bad.add(name)
            raise DamagedError(
                f"checkpoint: {name} was written, and cannot be read back: {error}\n"
                "  do: look after the disk; the checkpoint before it was kept"
            ) from error

    def _prune(self, newest: str, body: dict[str, Any]) -> None:
        good = [name for name in self.manifests() if name not in self._bad]
        kept = good[: self.keep]
        assert newest in kept
        kept += [name for name in self._marked(good, body) if name not in kept]
        self._remove([name for name in self.manifests() if name not in kept])
        needed = {fragment for name in kept for fragment in self._named_in(name)}
        self._remove([n for n in self._names() if _FRAGMENT.fullmatch(n) and n not in needed])
        self._remove([name for name in self._names() if _TEMPORARY.fullmatch(name)])

    def _marked(self, good: list[str], newest: dict[str, Any]) -> list[str]:
        """Name the newest that is marked as the best; it is so since the older ones were.

        It was read back when it was written, or when the folder was opened.
        """
        if not self._keeps_best:
            return []
        self._marks = {name: self._mark(name) for name in good}
        held = [name for name, mark in self._marks.items() if mark and holds(mark, newest)]
        return held[:1]

    def _mark(self, name: str) -> Mark | None:
        if name in self._marks:  # the name holds the hash of what was read
            return self._marks[name]
        try:
            return marked(self._manifest(name))
        except (OSError, ValueError):
            return None

    def _named_in(self, name: str) -> list[str]:
        try:
            return list(self._manifest(name)["fragments"].values())
        except (OSError, ValueError):  # damaged since: its fragments go, as it would be refused
            return []

    def _remove(self, names: list[str]) -> None:
        for name in names:
            self._disk.remove(self.folder / name)
        if names:  # a manifest must be gone for good before the first of its fragments is
            self._disk.sync_folder(self.folder)

    def _names(self) -> list[str]:
        return self._disk.names(self.folder)


def _has_form(body: dict[str, Any]) -> bool:
    if type(body.get("format")) is not int:
        return False
    parts = [body.get("fragments"), body.get("state")]
    return body["format"] > FORMAT or (
        all(isinstance(part, dict) for part in parts)
        and all(isinstance(name, str) for name in body["fragments"].values())
    )


def _serial(name: str) -> int:
    found = _MANIFEST.fullmatch(name)
    assert found is not None
    return int(found[1])


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
