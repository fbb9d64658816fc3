"""The traps: a question each, and the number that is right, by arithmetic in float64.

``wrong`` lists what well-known mistakes give, so that a number in the table can be read; a test
holds that each of them is told from the truth.
"""

from __future__ import annotations

from math import exp as e_to_the
from math import log1p, nan, sqrt
from statistics import fmean
from typing import NamedTuple

from .problems import COUNTED, ERRORS, FIVE, SIX

WEIGHT, LOGGED = 1e-12, 1e-6  # tolerances: weights are float64, logged numbers may be float32


class Trap(NamedTuple):
    """One question with one right number. ``name`` is the function of each library's file."""

    name: str
    title: str
    asks: str
    truth: float
    tolerance: float
    wrong: dict[str, float]


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
        {
            "divided by 4": _descended(SIX, 4, 4),
            "not stepped when the epoch ends": _descended(SIX[:4], 4),
        },
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
        "a model that draws in every forward, as sampling ones do: how far two epochs with "
        "validation end from two without it, same seed",
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
