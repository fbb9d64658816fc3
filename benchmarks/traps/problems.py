"""The traps: what is trained, and the number that is right, by arithmetic in float64.

Every problem is small enough to be solved on paper. ``wrong`` lists what well-known mistakes give,
so that a number in the table can be read; a test holds that each of them is told from the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp as e_to_the
from math import log1p, nan, sqrt
from statistics import fmean
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, StepLR
from torch.utils.data import DataLoader, TensorDataset

IGNORED = -100
WEIGHT, LOGGED = 1e-12, 1e-6  # tolerances: weights are float64, logged numbers may be float32


class Trap(NamedTuple):
    """One question with one right number. ``name`` is the function of each library's file."""

    name: str
    title: str
    asks: str
    truth: float
    tolerance: float
    wrong: dict[str, float]


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
        """(N, T) to (N, T, 2)."""
        return torch.stack([torch.zeros_like(x), self.w * x], dim=-1)


def mean(prediction: Tensor, _target: Tensor) -> Tensor:
    """A loss whose gradient is known without looking."""
    return prediction.mean()


def token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy over the tokens that count."""
    return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)


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


# --- What is right ------------------------------------------------------------------------------


def _descended(gradients: list[float], window: int, divisor: int | None = None) -> float:
    windows = [gradients[i : i + window] for i in range(0, len(gradients), window)]
    return -sum(sum(one) / (divisor or len(one)) for one in windows)


def _surprise(x: float) -> float:
    return log1p(e_to_the(x))  # the cross-entropy of label 0 with logits (0, x)


def _in_twos(values: list[float]) -> list[list[float]]:
    return [values[i : i + 2] for i in range(0, len(values), 2)]


def _rms(values: list[float]) -> float:
    return sqrt(fmean(value * value for value in values))


ALL_COUNTED = [x for text in COUNTED for x in text]

TRAPS = (
    Trap(
        "short_window",
        "the last, short window",
        "six batches, accumulated by fours, gradient 1, learning rate 1: the weight after an epoch",
        _descended(SIX, 4),
        WEIGHT,
        {"divided by 4": _descended(SIX, 4, 4), "never stepped": _descended(SIX[:4], 4)},
    ),
    Trap(
        "unequal_tokens",
        "windows of unequal tokens",
        "one window of four texts with 4, 1, 2 and 1 tokens that count: the weight, as from the "
        "four in one batch",
        -0.5 * fmean(ALL_COUNTED),
        WEIGHT,
        {
            "mean of the texts' means": -0.5 * fmean(map(fmean, COUNTED)),
            "padding counted": -0.5 * sum(ALL_COUNTED) / 16,
        },
    ),
    Trap(
        "uneven_evaluation",
        "evaluation, short last batch",
        "the validation loss of five samples in batches of two",
        fmean(FIVE),
        LOGGED,
        {"mean of the batches' means": fmean(map(fmean, _in_twos(FIVE)))},
    ),
    Trap(
        "masked_evaluation",
        "evaluation, masked loss",
        "the validation loss per token of the four texts in batches of two, padding ignored",
        fmean(map(_surprise, ALL_COUNTED)),
        LOGGED,
        {
            "mean of the batches' means": fmean(
                fmean(map(_surprise, one + other)) for one, other in (COUNTED[:2], COUNTED[2:])
            ),
            "padding counted": sum(map(_surprise, ALL_COUNTED)) / 16,
        },
    ),
    Trap(
        "nan_logged",
        "NaN in the loss: what is logged",
        "the loss is NaN from the third batch on: the last loss that is logged",
        nan,
        LOGGED,
        {"logged as zero": 0.0},
    ),
    Trap(
        "nan_weight",
        "NaN in the loss: the weight",
        "the same run: the weight afterwards, with the library's defaults",
        _descended([1.0, 1.0], 1),
        WEIGHT,
        {"trained on": nan},
    ),
    Trap(
        "schedule_frequency",
        "a schedule, every 2 updates",
        "ten batches, accumulated by twos, gradient 1; the rate halves every two updates: the "
        "weight after the five",
        -sum(0.5 ** (update // 2) for update in range(5)),
        WEIGHT,
        {"halved by every update": -sum(0.5**update for update in range(5)), "never": -5.0},
    ),
    Trap(
        "metric",
        "a metric, short last batch",
        "the root mean square error of five samples in batches of two",
        _rms(ERRORS),
        LOGGED,
        {
            "mean of the batches' values": fmean(map(_rms, _in_twos(ERRORS))),
            "the same, weighted by samples": sum(len(b) * _rms(b) for b in _in_twos(ERRORS)) / 5,
        },
    ),
    Trap(
        "validation_randomness",
        "validation draws random numbers",
        "a model that draws in every forward: how far two epochs with validation end from two "
        "without it, same seed",
        0.0,
        WEIGHT,
        {},
    ),
    Trap(
        "frozen_batchnorm",
        "a frozen BatchNorm",
        "a BatchNorm put into eval mode beforehand, two epochs of two batches with validation: its "
        "running mean",
        0.0,
        WEIGHT,
        {"unfrozen": 1 - 0.9**4, "unfrozen after the first validation": 1 - 0.9**2},
    ),
    Trap(
        "skipped_update",
        "a skipped float16 update",
        "four batches, gradient 1, the first update skipped by the gradient scaler, the rate "
        "halves after each: the weight",
        -sum(0.5**update for update in range(3)),
        WEIGHT,
        {"the schedule moved without the optimizer": -sum(0.5 ** (1 + n) for n in range(3))},
    ),
    Trap(
        "epoch_loss",
        "the epoch's training loss",
        "the training loss logged for an epoch of five samples in batches of two, learning rate 0",
        fmean(FIVE),
        LOGGED,
        {"mean of the batches' means": fmean(map(fmean, _in_twos(FIVE)))},
    ),
)  # fmt: skip
