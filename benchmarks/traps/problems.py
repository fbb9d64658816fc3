"""What the traps train, and on what: each small enough to be solved on paper.

The numbers that are right stand in ``truths.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, StepLR
from torch.utils.data import DataLoader, TensorDataset

IGNORED = -100


# --- What is trained ----------------------------------------------------------------------------


class Weight(nn.Module):
    """One weight; the gradient of ``mean`` is the mean of the inputs."""

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([start], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1) to (N, 1)."""
        return self.w * x


class Rooted(Weight):
    """Finite inputs, and NaN where one of them is negative."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1) to (N, 1)."""
        return self.w * x.sqrt()


class Noisy(Weight):
    """Draws a random number in every forward, in training and validation: so do sampling models."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1) to (N, 1)."""
        return self.w * x * torch.rand((), dtype=x.dtype)


class Frozen(Weight):
    """A weight above a BatchNorm that its owner has put into eval mode, and means to stay so."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(1, dtype=torch.float64).requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1) to (N, 1)."""
        return self.w * self.norm(x)


class Half(nn.Module):
    """A weight in float32 whose forward is float16.

    A scale of 65,536, where gradient scalers begin, is infinite in float16: the first backward
    overflows and the first update is skipped; with half the scale the others are sound.
    """

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 1) to (N, 1)."""
        return nn.functional.linear(x.half(), self.linear.weight.half()).float()


class Tokens(Weight):
    """Two logits for each token, 0 and w x."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, T) to (N, 2, T), the shape that torch's own loss takes."""
        return torch.stack([torch.zeros_like(x), self.w * x], dim=1)


def mean(prediction: Tensor, _target: Tensor) -> Tensor:
    """A loss whose gradient is known without looking."""
    return prediction.mean()


token_loss = nn.CrossEntropyLoss(ignore_index=IGNORED)  # the mean over the tokens that count


def valid_tokens(labels: Tensor) -> int:
    return int((labels != IGNORED).sum())


def halving(optimizer: torch.optim.Optimizer) -> LRScheduler:
    """The rate halves at every step of the schedule."""
    return LambdaLR(optimizer, lambda steps: 0.5**steps)


def halving_every_two(optimizer: torch.optim.Optimizer) -> LRScheduler:
    """The rate halves at every second step of the schedule."""
    return StepLR(optimizer, step_size=2, gamma=0.5)


def trace(weight: Callable[[bool], float]) -> float:
    """How far a training with validation ends from the same one without; both from one seed."""
    without, again, validated = weight(False), weight(False), weight(True)
    if without != again:
        raise RuntimeError(f"the training does not repeat by itself: {without} and {again}")
    return abs(validated - without)


class Updates:
    """How often an optimizer really stepped; a scaler's skip is a step not taken."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.count = 0
        optimizer.register_step_post_hook(self._note)

    def _note(self, *_: object) -> None:
        self.count += 1

    def must_be(self, count: int) -> None:
        """Hold that the trap was set at all."""
        if self.count != count:
            raise RuntimeError(f"{self.count} updates, and {count} were to be made")


# --- What it is trained on ----------------------------------------------------------------------

SIX = [1.0] * 6  # six batches of one, the gradient of each is 1
TEN = [1.0] * 10
FOUR = [1.0] * 4
BREAKING = [1.0, 1.0, -1.0, -1.0, -1.0, -1.0]  # for Rooted: NaN from the third batch on
FIVE = [1.0, 2.0, 3.0, 4.0, 10.0]  # in twos: means 1.5, 3.5, 10
ERRORS = [1.0, 3.0, 3.0, 1.0, 5.0]  # in twos: root mean squares 2.24, 2.24, 5
TEXTS = [[1.0, 1.0, 1.0, 1.0], [8.0, 9.0, 9.0, 9.0], [4.0, 4.0, 9.0, 9.0], [2.0, 9.0, 9.0, 9.0]]
VALID = [4, 1, 2, 1]  # how many tokens of each text count: the rest is padding
COUNTED = [text[:count] for text, count in zip(TEXTS, VALID, strict=True)]


def samples(values: list[float], dtype: torch.dtype = torch.float64) -> TensorDataset:
    """One input each, and a target that nothing looks at."""
    x = torch.tensor(values, dtype=dtype).unsqueeze(1)
    return TensorDataset(x, torch.zeros_like(x))


def texts() -> TensorDataset:
    """Four texts of four tokens, their label 0, or ignored."""
    labels = torch.full((4, 4), IGNORED)
    for row, count in zip(labels, VALID, strict=True):
        row[:count] = 0
    return TensorDataset(torch.tensor(TEXTS, dtype=torch.float64), labels)


def loader(dataset: TensorDataset, batch_size: int = 1) -> DataLoader[tuple[Tensor, ...]]:
    """Batches in order, the last one short where it does not divide evenly."""
    return DataLoader(dataset, batch_size=batch_size)
