"""Which line of the user's code is this? Found by walking up the stack, remembered by code object."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType

import torch

import fivestep
from fivestep.vitals import Site

_TORCH = str(Path(torch.__file__).parent)
_HERE = str(Path(fivestep.__file__).parent)
_OURS_BUT_USERS = ("rules",)  # the loops of the rules are read as anybody's code
_LIBRARY = sysconfig.get_paths()["stdlib"]
_PACKAGES = ("site-packages", "dist-packages")
DEEP = 200  # frames that are looked at

_TORCHS, _PACKAGE, _USERS = 0, 1, 2
_kinds: dict[CodeType, int] = {}
_sites: dict[tuple[CodeType, int], Site] = {}


def here(frame: FrameType | None = None) -> Site | None:
    """The innermost line of the user's own code; failing that, of a package other than torch."""
    frame = frame or sys._getframe(1)
    package: FrameType | None = None
    for _ in range(DEEP):
        code = frame.f_code
        kind = _kinds.get(code)
        if kind is None:
            kind = _kinds[code] = _kind(code.co_filename)
        if kind == _USERS:
            return _site(frame)
        if kind == _PACKAGE and package is None:
            package = frame
        if frame.f_back is None:
            break
        frame = frame.f_back
    return _site(package) if package is not None else None


def _site(frame: FrameType) -> Site:
    code, line = frame.f_code, frame.f_lineno
    site = _sites.get((code, line))
    if site is None:
        site = _sites[code, line] = Site(code.co_filename, line, code.co_name)
    return site


def _kind(file: str) -> int:
    if file.startswith(_TORCH) or file.startswith("<frozen"):
        return _TORCHS
    if file.startswith(_HERE):
        inside = Path(file).relative_to(_HERE).parts[0]
        return _USERS if inside in _OURS_BUT_USERS else _TORCHS
    if file.startswith("<string>") or file.startswith("<eval"):
        return _PACKAGE
    if any(part in file for part in _PACKAGES) or file.startswith(_LIBRARY):
        return _PACKAGE
    return _USERS
