"""``Checkpoint``: where, how often and how many; and a hand-written loop that goes on by itself."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Literal

from fivestep.checkpoints.interval import interval
from fivestep.counts import need_count


class Checkpoint:
    """Where ``fit(checkpoint=...)`` saves, how often and how many, where the folder says too little.

    Args:
        folder: for this one training; it is made if it is not there.
        every: how often: ``"500 updates"``, ``"1 epoch"``, ``"10 minutes"``; if not said, so often
            that saving takes half a percent of the time, as measured.
        keep: how many, the newest.
        failure: what to do when one cannot be written (a full disk, a folder that is gone):
            ``"go on"`` and say so, or ``"stop"``. Those written before stay what they are.
        strict: refuse what was saved of other objects; False loads what fits, and says the rest.

    Raises:
        TypeError, ValueError: something is wrong with what was given; what, and what to do.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every: int | str | None = None,
        keep: int = 2,
        failure: Literal["go on", "stop"] = "go on",
        strict: bool = True,
    ) -> None:
        need_count("keep", keep)
        if failure not in ("go on", "stop"):
            raise ValueError(f"failure={failure!r} was given\n  do: choose 'go on' or 'stop'")
        self.folder, self.every, self.keep = Path(folder), interval(every), keep
        self.failure, self.strict = failure, strict


def checkpoint_of(value: Any) -> Checkpoint | None:
    """Read the option ``checkpoint`` of ``fit``."""
    if value is None or isinstance(value, Checkpoint):
        return value
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(
            f"checkpoint={value!r} is of type {type(value).__name__}, and a folder was expected\n"
            "  do: checkpoint='runs/digits', or fivestep.Checkpoint('runs/digits', every='1 epoch')"
        )
    return Checkpoint(value)


def minutes_of(value: Any) -> float | None:
    """Read the option ``max_minutes`` of ``fit``."""
    if value is None:
        return None
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not real or not 0 < value < math.inf:
        raise ValueError(
            f"max_minutes={value!r} was given, and a number of minutes was expected\n"
            "  do: max_minutes=55, for example"
        )
    return float(value)
