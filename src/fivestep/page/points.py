"""The data that a model was shown, point by point, each as often as one batch had it."""
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import math
import weakref
from collections import Counter
from typing import Any

import torch
from torch import Tensor

from fivestep.page.protocol import number

MOST = 500

Key = tuple[float, ...]


class Points:
    """Inputs and targets, as many as a picture holds.

    ``inputs`` and ``targets`` are as the model and the loss had them, one row for each point.
    """

    def __init__(self) -> None:
        self.inputs: Tensor | None = None
        self.targets: Tensor | None = None
        self.full = False  # more were seen than are kept
        self._held: Counter[Key] = Counter()
        nothing: Any = lambda: None  # noqa: E731
        self._last: tuple[Any, Any, tuple[int, int]] = nothing, nothing, (0, 0)

    def __len__(self) -> int:
        return 0 if self.inputs is None else len(self.inputs)

    def take(self, inputs: Tensor, targets: Tensor) -> bool:
        """Add what was not seen before; tell whether there was any."""
        if self.full or self._is_the_last(inputs, targets):
            return False
        new = self._unseen(inputs, targets)
        if len(self) + len(new) > MOST:
            self.full, new = True, new[: MOST - len(self)]
        if not new:
            return False
        rows = torch.tensor(new, device=inputs.device)
        self.inputs = _joined(self.inputs, inputs.detach()[rows])
        self.targets = _joined(self.targets, targets.detach()[rows.to(targets.device)])
        return True

    def _is_the_last(self, inputs: Tensor, targets: Tensor) -> bool:
        given, wished, versions = self._last
        now = inputs._version, targets._version
        same = given() is inputs and wished() is targets and versions == now
        self._last = weakref.ref(inputs), weakref.ref(targets), now
        return same

    def _unseen(self, inputs: Tensor, targets: Tensor) -> list[int]:
        batch: Counter[Key] = Counter()
        new: list[int] = []
        pairs = zip(_rows(inputs), _rows(targets), strict=True)
        for place, (given, wanted) in enumerate(pairs):
            key = (*given, *wanted)
            if not all(map(math.isfinite, key)):
                continue  # it lies nowhere
            batch[key] += 1
            if batch[key] > self._held[key]:
                new.append(place)
        self._held |= batch
        return new

    def told(self) -> dict[str, Any]:
        """The numbers, as a message has them."""
        assert self.inputs is not None
        assert self.targets is not None
        inputs = [[number(one) for one in row] for row in _rows(self.inputs)]
        return {
            "inputs": [row[0] for row in inputs] if len(inputs[0]) == 1 else inputs,
            "targets": [number(wanted(row)) for row in _rows(self.targets)],
            "more": self.full,
        }

    def span(self) -> list[tuple[float, float]]:
        """Of each feature the least and the greatest, with room around them."""
        assert self.inputs is not None
        columns = zip(*_rows(self.inputs), strict=True)
        return [_roomy([one for one in column if abs(one) < 1e30]) for column in columns]


def wanted(row: list[float]) -> float:
    """A target as one number: of one for each class, the class that is wanted."""
    return row[0] if len(row) == 1 else float(row.index(max(row)))


def _rows(tensor: Tensor) -> list[list[float]]:
    return tensor.detach().reshape(len(tensor), -1).to("cpu", torch.float64).tolist()


def _joined(first: Tensor | None, second: Tensor) -> Tensor:
    return second.clone() if first is None else torch.cat([first, second])


def _roomy(numbers: list[float]) -> tuple[float, float]:
    low, high = (min(numbers), max(numbers)) if numbers else (-1.0, 1.0)
    room = 0.12 * (high - low) or 1.0
    return low - room, high + room
