"""The way to the first batch, from any position in a million samples."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from fivestep import Checkpoint, fit
from fivestep.checkpoints.disk import use

from .disks import Watched
from .trials import Told

SAMPLES, SIZE = 1_000_000, 500


class Stop(BaseException):
    """Ends the first life."""


def trial(number: int, scratch: Path) -> Told:
    """Stop at a random batch, start again, take the time to the first loss of the second life."""
    chance = random.Random(f"seeks {number}")
    at = chance.randrange(1, SAMPLES // SIZE)
    folder = Path(tempfile.mkdtemp(dir=scratch))
    seen: list[tuple[float, float]] = []
    _life(folder, at, number, lambda calls, first: calls > at)
    began = time.perf_counter()

    def second(_: int, first: float) -> bool:
        seen.append((time.perf_counter() - began, first))
        return True

    _life(folder, at, number, second)
    expected = _first_of(number, at)
    wrong = "" if seen[0][1] == expected else f"batch {at} began with {seen[0][1]}, not {expected}"
    milliseconds = round(1000 * seen[0][0])
    return Told(
        Counter({f"at sample {at * SIZE:,}: {milliseconds} ms to the first loss": 1}), wrong
    )


def _life(folder: Path, at: int, number: int, ends: Callable[[int, float], bool]) -> None:
    use(Watched())
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    calls = 0

    def loss(prediction: Any, targets: Any) -> Any:
        nonlocal calls
        calls += 1
        if ends(calls, float(targets[0])):
            raise Stop
        return (prediction * 0).mean()

    checkpoint = Checkpoint(folder, every=f"{at} updates")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    try:
        fit(model, loss, optimizer, _data(number), epochs=1, checkpoint=checkpoint,
            progress=False, watch=False, keep_best=False)  # fmt: skip
    except Stop:
        return


def _data(number: int) -> Any:
    place = torch.arange(SAMPLES, dtype=torch.float32).unsqueeze(1)
    if number % 2:
        return DataLoader(TensorDataset(torch.zeros(SAMPLES, 1), place), SIZE, shuffle=True)
    return DataLoader(TensorDataset(torch.zeros(SAMPLES, 1), place), SIZE)


_orders: dict[int, list[float]] = {}


def _first_of(number: int, at: int) -> float:
    """Say which sample a life without a stop begins its batch ``at`` with."""
    if number % 2 == 0:
        return float(at * SIZE)
    if 1 not in _orders:
        firsts: list[float] = []

        def look(_: int, first: float) -> bool:
            firsts.append(first)
            return False

        with tempfile.TemporaryDirectory() as folder:
            _life(Path(folder), SAMPLES, 1, look)
        _orders[1] = firsts
    return _orders[1][at]
