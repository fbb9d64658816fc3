"""Of which classes the rows are that a model was trained on.

Where the rows of a rare class were multiplied, the classes are equally frequent, though one has far
fewer rows that differ.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from statistics import fmean, pvariance

import torch

from fivestep.vitals.measure import measurable, quietly

CLASSES = 10  # more are a quantity, or words


class Classes:
    """Takes in the rows of each training forward with their targets."""

    def __init__(self) -> None:
        self._of: dict[int, int] = {}  # a row, and its class
        self._times = Counter[int]()  # that a row was trained on
        self._different, self._rows = Counter[int](), Counter[int]()
        self._known = True  # every row has one class, and one only

    def add(self, rows: list[int], labels: list[int] | None) -> None:
        """Rows were trained on; ``labels`` is None where they have no whole number each."""
        if not self._known or labels is None:
            self._known = False
            return
        for row, label in zip(rows, labels, strict=True):
            self._different[label] += row not in self._of
            self._known &= self._of.setdefault(row, label) == label
        self._times.update(rows)
        self._rows.update(labels)
        self._known &= len(self._rows) <= CLASSES

    def share(self, rows: Iterable[int]) -> float:
        """Share of the different training rows that are of the classes of these; 0: unknown."""
        if not self._known:
            return 0.0
        held = {self._of[row] for row in rows}
        return sum(self._different[label] for label in held) / len(self._of)

    def balance(self) -> float:
        """How often the rarest class was trained on to how often the commonest; 0: unknown."""
        if not self._known or len(self._rows) < 2:
            return 0.0
        return min(self._rows.values()) / max(self._rows.values())

    def uneven(self) -> float:
        """How much oftener a row of the rarest class came than one of the commonest.

        In standard errors of that difference, and classes are rare by the rows that differ. Where
        rows are there again whatever their class it is one of a normal distribution; 0: unknown.
        """
        most, fewest = self._times_in(0), self._times_in(-1)
        if not most or not fewest or len(self._rows) < 2:
            return 0.0
        apart = fmean(fewest) - fmean(most)
        error = math.sqrt(pvariance(fewest) / len(fewest) + pvariance(most) / len(most))
        return apart / error if error else 0.0

    def again(self) -> float:
        """Share of the rows of the commonest class that came oftener than others of it."""
        times = self._times_in(0)
        return sum(one > min(times) for one in times) / len(times) if times else 0.0

    def _times_in(self, place: int) -> list[int]:
        """How often each row came of one class, those with the most different rows first."""
        if not self._known or not self._different:
            return []
        label = self._different.most_common()[place][0]
        return [times for row, times in self._times.items() if self._of[row] == label]


def labels_in(target: torch.Tensor, rows: int) -> list[int] | None:
    """The whole number of each row; None where there is another kind of target."""
    if target.numel() != rows or target.device.type != "cpu" or not measurable(target):
        return None
    with quietly():
        values = target.detach().reshape(-1).to(torch.float64)
        whole = bool((values == values.round()).all()) and bool(values.isfinite().all())
        return values.to(torch.int64).tolist() if whole else None
