"""Do whole-numbered targets count something, or only name it? The inputs know.

Where a target is a quantity (a count, a grade), inputs of near targets are near each other. Where
it is the number of a class, they are not: class 3 is as far from class 4 as from class 9.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from fivestep.vitals.measure import FEATURES, Array

LABELS = 100  # different targets; more are a quantity
EACH = 2  # samples of a label before it has a centre
ROWS = 1024  # samples of one batch


class LabelOrder:
    """The centre of the inputs of each label, over all batches seen."""

    def __init__(self) -> None:
        self._sums: dict[int, Array] = {}
        self._counts: dict[int, int] = {}
        self._squares = 0.0

    def add(self, inputs: Array, labels: Array) -> bool:
        """Take in a batch: inputs (rows, features), labels (rows,). False if it does not fit."""
        known = next(iter(self._sums.values()), None)
        if len(inputs) != len(labels) or (known is not None and known.shape != inputs.shape[1:]):
            return False
        for label in np.unique(labels):
            rows = inputs[labels == label]
            key = int(label)
            self._sums[key] = self._sums.get(key, 0.0) + rows.sum(axis=0)
            self._counts[key] = self._counts.get(key, 0) + len(rows)
        self._squares += float((inputs**2).sum())
        return True

    def score(self) -> tuple[float, float] | None:
        """How far the centres lie in the order of their labels, and how far apart.

        Returns:
            Near 0 for classes, near 1 for quantities: over pairs of labels, the correlation of the
            distance of their centres with the difference of the labels, or twice the share by which
            neighbouring labels are nearer than all, whichever is larger. And the mean squared
            distance over the variance within a label. None if too little was seen.
        """
        labels = [one for one, count in sorted(self._counts.items()) if count >= EACH]
        if not 3 <= len(labels) <= LABELS:
            return None
        counts = np.array([self._counts[one] for one in labels], dtype=float)
        centres = np.stack([self._sums[one] for one in labels]) / counts[:, None]
        total = sum(self._counts.values())
        within = self._squares - float((counts[:, None] * centres**2).sum())
        within = max(within, 0.0) / max(1, total - len(labels))
        return _compare(np.array(labels, dtype=float), centres, counts, within)


class WordOrder(LabelOrder):
    """The same for rows of words, which may be numbers after all.

    Where near words are near numbers (the highest of a row, a sum), how many are at most 0, 1, 2...
    follows the order of the labels, though how often each comes does not.
    """

    def __init__(self) -> None:
        super().__init__()
        self._summed = LabelOrder()

    def add(self, inputs: Array, labels: Array) -> bool:
        """Take in a batch: how often each word comes (rows, features), labels (rows,)."""
        return super().add(inputs, labels) and self._summed.add(inputs.cumsum(axis=1), labels)

    def score(self) -> tuple[float, float] | None:
        """As for features, and in order if either tells so."""
        found, summed = super().score(), self._summed.score()
        if found is None or summed is None:
            return None
        return max(found[0], summed[0]), found[1]


def thinned(inputs: torch.Tensor, targets: torch.Tensor) -> tuple[Array, Array]:
    """At most 1,024 samples of 64 features, evenly spaced, and their targets.

    Whole numbers are names of words: how often each comes in a sample is its features, modulo 64.
    """
    rows = inputs.detach().reshape(len(inputs), -1)
    down, across = math.ceil(len(rows) / ROWS), math.ceil(rows.shape[1] / FEATURES)
    if inputs.is_floating_point():
        features = rows[::down, ::across].to(torch.float64).numpy()
    else:
        words = rows[::down].long() % FEATURES
        counts = torch.zeros(len(words), FEATURES, dtype=torch.float64)
        features = counts.scatter_add_(
            1, words, torch.ones_like(words, dtype=torch.float64)
        ).numpy()
    return features, targets.detach().reshape(-1)[::down].to(torch.float64).numpy()


def _compare(
    labels: Array, centres: Array, counts: Array, within: float
) -> tuple[float, float] | None:
    one, other = np.triu_indices(len(labels), 1)
    squares: Any = ((centres[one] - centres[other]) ** 2).sum(axis=1)
    squares = np.maximum(squares - within * (1 / counts[one] + 1 / counts[other]), 0)
    distances, differences = np.sqrt(squares), np.abs(labels[one] - labels[other])
    if not np.isfinite(distances).all() or distances.std() == 0:
        return None
    straight = float(np.corrcoef(distances, differences)[0, 1])
    curved = 2 * (1 - float(distances[differences == 1].mean() / distances.mean()))
    return max(straight, curved), float(squares.mean() / within) if within > 0 else float("inf")
