"""Which line of the user's code is this? Found by walking up the stack, remembered by file."""

from __future__ import annotations

import functools
import linecache
import sysconfig
from pathlib import Path
from types import CodeType, FrameType

import torch

import fivestep
from fivestep.vitals import Site

_TORCH = str(Path(torch.__file__).parent)
_HERE = str(Path(fivestep.__file__).parent)
_OURS_BUT_USERS = ("rules", "examples", "learn")  # whose loops are read as anybody's code
_LIBRARY = sysconfig.get_paths()["stdlib"]
_PACKAGES = ("site-packages", "dist-packages")
DEEP = 200  # frames that are looked at

_TORCHS, _PACKAGE, _USERS = 0, 1, 2
_kinds: dict[str, int] = {}  # by file: the hash of a code object is slow
# By code object and instruction: to ask a frame for its line is slow. The code is kept alive, so
# that its id is given to no other.
_sites: dict[tuple[int, int], tuple[Site, CodeType]] = {}
_lines: dict[tuple[str, int], Site] = {}  # one object for one line, however often it is compiled


def here(frame: FrameType) -> Site | None:
    """The innermost line of the user's own code; failing that, of a package other than torch."""
    package: FrameType | None = None
    near: FrameType | None = frame
    for _ in range(DEEP):
        if near is None:
            break
        code = near.f_code
        kind = _kinds.get(code.co_filename)
        if kind is None:
            kind = _kinds[code.co_filename] = _kind(code.co_filename)
        if kind == _USERS:
            known = _sites.get((id(code), near.f_lasti))
            return known[0] if known is not None else _site(near)
        if kind == _PACKAGE and package is None:
            package = near
        near = near.f_back
    return _site(package) if package is not None else None


def _site(frame: FrameType) -> Site:
    code, line = frame.f_code, frame.f_lineno
    key = (code.co_filename, line)
    site = _lines.get(key)
    if site is None:
        site = _lines[key] = Site(code.co_filename, line, code.co_name)
    if len(_sites) < 65_536:
        _sites[id(code), frame.f_lasti] = (site, code)
    return site


@functools.cache
def says(site: Site, word: str) -> bool:
    """A word stands in the line, or the line cannot be read."""
    text = linecache.getline(site.file, site.line)
    return word in text or not text


def users_own(file: str) -> bool:
    """Tell whether this is a file of the user, and of no package."""
    return _kind(file) == _USERS


def _kind(file: str) -> int:
    if file.startswith((_TORCH, "<frozen")):
        return _TORCHS
    if file.startswith(_HERE):
        inside = Path(file).relative_to(_HERE).parts[0]
        return _USERS if inside in _OURS_BUT_USERS else _TORCHS
    if file.startswith(("<string>", "<eval")):
        return _PACKAGE
    if any(part in file for part in _PACKAGES) or file.startswith(_LIBRARY):
        return _PACKAGE
    return _USERS
