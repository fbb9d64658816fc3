"""What a sweep of learning rates has shown: its curve without the noise, and where it falls most.

Source of the suggestion, the steepest slope: fastai, https://docs.fast.ai/callback.schedule.html#lrfinder
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Reason = Literal["finished", "diverged", "nonfinite", "interrupted"]

CERTAIN = 4.0  # standard deviations that a fall must exceed: noise seldom does


@dataclass(frozen=True)
class RateSearch:
    """What a sweep of learning rates has shown.

    Attributes:
        rates: the rate of each update; of several groups that of the one with the largest rate.
        losses: the loss of the batch that followed each update, mean per item (sample, or target
            that counts).
        smoothed: the same without its noise: every point is a mean over its neighbours on both
            sides, so that the curve is not shifted; what lies above the limit counts as the limit.
        learning_rate: the suggestion, None where there is none; ``message`` says why.
        reason: why it ended: ``"finished"`` (all rates tried), ``"diverged"``, ``"nonfinite"``
            (a NaN or inf loss) or ``"interrupted"`` (Ctrl-C).
        message: what was found, as a sentence.
    """

    rates: list[float] = field(repr=False)
    losses: list[float] = field(repr=False)
    smoothed: list[float] = field(repr=False)
    learning_rate: float | None
    reason: Reason
    message: str

    def summary(self) -> str:
        """Say in a sentence what was found."""
        return f"{self.reason} after {len(self.rates)} updates: {self.message}"

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw the losses over the rates, the suggestion marked; return the matplotlib axes.

        Args:
            path: also write the picture to this file; the type is that of its suffix.
        """
        try:
            from matplotlib import pyplot
        except ImportError as error:
            raise ImportError(
                "RateSearch.plot() needs matplotlib, which is not installed\n"
                "  do: pip install 'fivestep[plot]'"
            ) from error
        figure, axis = pyplot.subplots()
        axis.plot(self.rates, self.losses, ".", alpha=0.4, label="loss")
        axis.plot(self.rates, self.smoothed, label="smoothed")
        if self.learning_rate is not None:
            label = f"suggestion: {self.learning_rate:.2g}"
            axis.axvline(self.learning_rate, color="black", linestyle="--", label=label)
        axis.set(xscale="log", xlabel="learning rate", ylabel="loss per sample")
        if self.smoothed:
            low, high = min(self.smoothed), max(self.smoothed)
            room = 0.1 * (high - low) or 1.0  # a last loss of 1e9 would hide all others
            axis.set_ylim(low - room, high + room)
        axis.legend()
        figure.tight_layout()
        if path is not None:
            figure.savefig(path)
            pyplot.close(figure)
        return axis


def smooth(losses: list[float], limit: float, smoothing: float) -> tuple[list[float], float]:
    """Average every loss with its neighbours, with weights that fall off to both sides alike.

    Returns:
        The smoothed losses, and the standard deviation that noise leaves in one of them.
    """
    if not losses:
        return [], 0.0
    values = np.minimum(np.nan_to_num(np.asarray(losses), nan=np.inf, posinf=np.inf), limit)
    apart = np.abs(np.subtract.outer(np.arange(len(values)), np.arange(len(values))))
    weights = (1 - smoothing) ** apart
    weights /= weights.sum(axis=1, keepdims=True)
    # Second differences hold no slope, only noise, of which each has the variance of six.
    noise = np.median(np.abs(np.diff(values, 2))) / 0.6745 / 6**0.5 if len(values) > 2 else 0.0
    return (weights @ values).tolist(), float(noise * np.linalg.norm(weights[len(values) // 2]))


def suggest(
    rates: list[float], smoothed: list[float], spread: float, reason: Reason
) -> tuple[float | None, str]:
    """Find the rate where the loss falls most steeply before its minimum, or say why there is none.

    Args:
        rates: of the updates, rising.
        smoothed: the loss after each.
        spread: the standard deviation of the noise that is left in it.
        reason: why the sweep ended.
    """
    if len(rates) < 3:
        return None, _too_short(reason)
    lowest = int(np.argmin(smoothed))
    # One point is noisy. The first third of the way down was too low to do much: its mean is not.
    start = float(np.mean(smoothed[: lowest // 3 + 1]))
    fall = start - smoothed[lowest]
    if fall <= max(CERTAIN * spread, 1e-6 * abs(start)) or lowest < 2:
        return None, _no_fall(rates, reason)
    slopes = np.gradient(smoothed[: lowest + 1], np.log10(rates[: lowest + 1]))
    rate = rates[int(np.argmin(slopes))]
    message = (
        f"the loss fell most steeply at a learning rate of {rate:.2g}, and was lowest, "
        f"{smoothed[lowest]:.4g} after {start:.4g}, at {rates[lowest]:.2g}"
    )
    if reason == "finished" and lowest == len(rates) - 1:
        message += f"; it still fell at the highest, {rates[-1]:.2g}: give a larger highest"
    return rate, message


def _too_short(reason: Reason) -> str:
    if reason == "interrupted":
        return "no suggestion: too few rates were tried"
    return (
        "no suggestion: the loss went up, or to NaN or inf, before three rates were tried\n"
        "  do: a smaller lowest; look at the data and the first loss"
    )


def _no_fall(rates: list[float], reason: Reason) -> str:
    span = f"between {rates[0]:.2g} and {rates[-1]:.2g}"
    if reason in ("diverged", "nonfinite"):
        return (
            f"no suggestion: the loss did not fall {span} before it went up or to NaN or inf\n"
            "  do: a smaller lowest, more updates, or larger batches"
        )
    return (
        f"no suggestion: the loss did not fall by more than its noise {span}\n"
        "  do: more updates or larger batches; and see that the model can learn one batch by heart"
    )
