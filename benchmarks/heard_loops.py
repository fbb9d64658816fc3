"""The loops by hand that are listened to, from two parameters to a small language model."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
EPOCH, WINDOW = 50, 4
Loop = Callable[[int], None]


@dataclass(frozen=True)
class Work:
    """How a loop is made, and how many of its iterations are timed at once."""

    make: Callable[[], Loop]
    block: int
    slow: int = 1  # so many times fewer rounds
    least: int = 1  # iterations that can be timed at all


def line_parts() -> tuple[nn.Module, Any, Tensor, Tensor]:
    """Two parameters, SGD, a full batch of 100."""
    model = nn.Linear(1, 1)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    return model, torch.optim.SGD(model.parameters(), 0.01), x, 2 * x + 1


def line() -> Loop:
    model, optimizer, x, y = line_parts()

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def accumulated() -> Loop:
    model, optimizer, x, y = line_parts()

    def loop(iterations: int) -> None:
        for number in range(1, iterations + 1):
            loss = F.mse_loss(model(x), y) / WINDOW
            loss.backward()
            if number % WINDOW == 0:
                optimizer.step()
                optimizer.zero_grad()

    return loop


def clipped() -> Loop:
    model, optimizer, x, y = line_parts()

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()

    return loop


def scheduled() -> Loop:
    model, optimizer, x, y = line_parts()
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + 1e-4 * step))

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            loss = F.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()

    return loop


def evaluated() -> Loop:
    """An evaluation after every 50 iterations."""
    model, optimizer, x, y = line_parts()

    def loop(iterations: int) -> None:
        for _ in range(max(1, iterations // EPOCH)):
            model.train()
            for _ in range(EPOCH):
                loss = F.mse_loss(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                F.mse_loss(model(x), y)

    return loop


def digits() -> Loop:
    """64-128-128-10, cross-entropy, Adam, a DataLoader of batches of 64."""
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    optimizer, loss_fn = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    data = TensorDataset(torch.rand(64 * 28, 64), torch.randint(10, (64 * 28,)))
    batches = endless(DataLoader(data, batch_size=64, shuffle=True))

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            x, y = next(batches)
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()

    return loop


def endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


def language_model() -> Loop:
    """The model of examples/bytes.py on batches of 32 texts."""
    sys.path.insert(0, str(EXAMPLES))
    model: nn.Module = import_module("bytes").Transformer()
    sys.path.remove(str(EXAMPLES))
    optimizer, loss_fn = torch.optim.AdamW(model.parameters(), lr=2e-3), nn.CrossEntropyLoss()
    texts = cycle(torch.randint(0, 256, (8, 32, 65)))

    def loop(iterations: int) -> None:
        for _ in range(iterations):
            text = next(texts)
            loss = loss_fn(model(text[:, :-1]), text[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


WORKS = {
    "line": Work(line, 16),
    "line, accumulated": Work(accumulated, 4 * WINDOW),
    "line, clipped": Work(clipped, 16),
    "line, scheduled": Work(scheduled, 16),
    "line, evaluated": Work(evaluated, EPOCH, 1, EPOCH),
    "digits": Work(digits, 28),
    "language model": Work(language_model, 1, 15),
}
