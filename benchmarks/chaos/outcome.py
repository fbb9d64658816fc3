"""What a training left behind, as a digest for each of its parts: equal means equal bits."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from fivestep import Run

NOT_COMPARED = ("seconds", "samples_per_second")
Parts = dict[str, str]


def outcome(model: Any, optimizer: Any, schedule: Any, run: Run) -> Parts:
    """Take down weights, optimizer, schedule, averages, best weights, history and the last word."""
    best = None if run.best is None else plain(run.best)
    has_state = hasattr(schedule, "state_dict")
    told = {
        "weights": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule.state_dict() if has_state else None,
        "average": run.average_weights,
        "best weights": run.best_weights,
        "best": best,
        "history": [plain(entry) for entry in run.history],
        "reason": [run.reason, run.message],
    }
    parts: Parts = {}
    _take_down(told, "", parts)
    return parts


def differences(found: Parts, expected: Parts) -> list[str]:
    """Name the parts that are not equal, or not there, or too many."""
    names = sorted({*found, *expected})
    return [f"{name.strip('/')}: {found.get(name)} for {expected.get(name)}" for name in names
            if found.get(name) != expected.get(name)]  # fmt: skip


def plain(entry: dict[str, Any]) -> dict[str, Any]:
    """Leave out of a record what the clock says."""
    return {name: value for name, value in entry.items() if name not in NOT_COMPARED}


def _take_down(value: Any, where: str, parts: Parts) -> None:
    kind = type(value).__name__
    if isinstance(value, Tensor):
        parts[where] = f"{value.dtype} {tuple(value.shape)} {_digest(value)}"
    elif isinstance(value, dict):
        parts[where] = f"{kind} {list(value)}"
        for key, part in value.items():
            _take_down(part, f"{where}/{key}", parts)
    elif isinstance(value, (list, tuple)):
        parts[where] = f"{kind} of {len(value)}"
        for place, part in enumerate(value):
            _take_down(part, f"{where}/{place}", parts)
    elif value is None or isinstance(value, (bool, int, float, str)):
        parts[where] = f"{kind} {value!r}"
    else:
        parts[where] = kind  # a function, a class: it has no address that would be the same


def _digest(tensor: Tensor) -> str:
    raw = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(raw).hexdigest()[:16]
