"""The table of contents: one guarantee, one file, whose name it is, with hyphens.

Each file says what it claims in ``CLAIM`` and shows it in ``show(bench)``, on copies that the
workbench makes. To add one: write the file, name it here.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from fivestep.proofs.bench.verdict import Shown
from fivestep.proofs.bench.workbench import Workbench

NAMES = (
    "accumulated-is-whole",
    "evaluation-any-batch-size",
    "validation-leaves-no-trace",
    "fit-is-the-plain-loop",
    "same-seed-same-run",
    "resumed-is-uninterrupted",
    "samples-apart",
    "gradient-is-the-slope",
    "modes-put-back",
)


class Guarantee(NamedTuple):
    """One guarantee: its name, what it claims, and what shows it."""

    name: str
    claim: str
    show: Callable[[Workbench], Shown]


def chosen(only: str | list[str] | tuple[str, ...] | None = None) -> list[Guarantee]:
    """All guarantees, or those that are named.

    Raises:
        ValueError: there is none of that name.
    """
    asked = NAMES if only is None else [only] if isinstance(only, str) else list(only)
    for name in asked:
        if name not in NAMES:
            raise ValueError(
                f"only={name!r} was given, and no guarantee has that name\n"
                f"  do: choose from {', '.join(NAMES)}"
            )
    return [_load(name) for name in NAMES if name in asked]


def _load(name: str) -> Guarantee:
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return Guarantee(name, module.CLAIM, module.show)
