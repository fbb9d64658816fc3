"""Where the file of a module lies that is to be run as a script."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path


def found(name: str) -> str:
    """The path of its source; "" where it has none. Imports the packages that it lies in.

    Seen from the folder in which one is, as ``python -m`` sees it.
    """
    before = list(sys.path)
    sys.path.insert(0, str(Path.cwd()))
    try:
        spec = _spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = _spec(f"{name}.__main__")  # a package
    finally:
        sys.path[:] = before
    return spec.origin if spec is not None and spec.origin and spec.has_location else ""


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, AttributeError, ValueError):
        return None  # running it will say what is wrong
