"""A training stopped again and again, and the same one left alone: what is to be equal."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fivestep import Run, fit

NOT_COMPARED = ("seconds", "samples_per_second")
Made = tuple[Any, Any, Any, dict[str, Any]]  # model, loss, optimizer, options of fit


class Stop(BaseException):
    """Ends the process as far as the training can tell."""


class Stopping:
    """A hook of a loss that ends everything at its n-th call with a gradient."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def __call__(self, *_: Any) -> None:
        self.calls += torch.is_grad_enabled()
        if self.calls > self.at:
            raise Stop


class Outcome:
    """What a training left behind."""

    def __init__(self, model: Any, optimizer: Any, run: Run, options: dict[str, Any]) -> None:
        self.weights = copy.deepcopy(model.state_dict())
        self.state = copy.deepcopy(optimizer.state_dict())
        self.history = [plain(entry) for entry in run.history]
        self.average, self.best_weights = run.average_weights, run.best_weights
        self.best = None if run.best is None else plain(run.best)
        self.reason, self.message = run.reason, run.message
        schedule: Any = options.get("schedule")
        has_state = hasattr(schedule, "state_dict")
        self.schedule = copy.deepcopy(schedule.state_dict()) if has_state else None


def plain(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in NOT_COMPARED}


def trained(make: Callable[[], Made], folder: Path, **more: Any) -> Outcome:
    model, loss, optimizer, options = make()
    data = options.pop("train")
    quiet: dict[str, Any] = {"progress": False, "watch": False}
    options = quiet | options | more
    run = fit(model, loss, optimizer, data, checkpoint=folder_of(options, folder), **options)
    return Outcome(model, optimizer, run, options)


def folder_of(options: dict[str, Any], folder: Path) -> Any:
    return options.pop("saves")(folder) if "saves" in options else folder


def stopped(make: Callable[[], Made], folder: Path, after: int, **more: Any) -> bool:
    """Train until so many losses were computed; False if it was over before."""

    def stopping() -> Made:
        model, loss, optimizer, options = make()
        loss.register_forward_pre_hook(Stopping(after))
        return model, loss, optimizer, options

    try:
        trained(stopping, folder, **more)
    except Stop:
        return True
    return False


def same(a: Any, b: Any, where: str = "") -> None:
    """Compare two nests to the bit, types and NaN included."""
    assert type(a) is type(b), f"{where}: {a!r:.80} and {b!r:.80}"
    if isinstance(a, Tensor):
        assert a.dtype == b.dtype, where
        assert a.shape == b.shape, where
        assert bits(a) == bits(b), f"{where}: {a} and {b}"
    elif isinstance(a, dict):
        assert list(a) == list(b), f"{where}: {list(a)} and {list(b)}"
        for key in a:
            same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), f"{where}: {len(a)} and {len(b)} parts\n{a}\n{b}"
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, f"{where}/{place}")
    elif isinstance(a, float):
        assert repr(a) == repr(b), f"{where}: {a} and {b}"
    elif not hasattr(a, "__dict__"):
        assert a == b, f"{where}: {a} and {b}"


def bits(tensor: Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def equal(a: Outcome, b: Outcome) -> None:
    same(vars(a), vars(b))
