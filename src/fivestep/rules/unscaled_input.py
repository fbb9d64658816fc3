"""Raw features go into a learned layer, and their scale keeps it from learning.

*Why is this bad?*
The gradient of a weight is proportional to the input that it multiplies. Inputs of 0 to 255, or of
thousands beside fractions, make some weights leap while others stand still: the first outputs are
enormous, ReLU units die, sigmoid and tanh units saturate, and a rate that suits one feature is far
too high for another.

*What to do*
Standardise with the mean and the standard deviation of the training data, here and in evaluation:

    inputs = (inputs - mean) / std

or divide the pixels of images by 255.

*When it is wrong*
Many models learn from raw numbers all the same, so large inputs alone are never named: the loss
must also be worse than a constant guess, or not finite, at a rate that suits scaled inputs. Inputs
that a first normalisation layer scales, integers for an embedding and targets are left alone.

Source: LeCun et al., "Efficient BackProp" (1998), section 4.3.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from fivestep.finding import Fact, Finding, Severity, argument
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Forward,
    Loss,
    ModuleRun,
    Numbers,
    Record,
    TensorFacts,
    Update,
    Vitals,
)

SEVERITY = Severity.WRONG
NEEDS = ("forward",)
EXPLAINS = (
    "dead-units", "collapsed-output", "nonfinite-loss", "vanishing-gradient", "exploding-gradient",
    "nonfinite-gradient", "tiny-update", "huge-update", "diverging-loss", "zigzag-loss",
    "flat-loss", "unreachable-target",
)  # fmt: skip

LARGE = 4.0  # root mean square of the inputs. Standardised: 1; pixels 0..1: 0.5; digits 0..16: 7.7
UPDATES = 12  # from here on the last losses say something
ABOVE = (
    1.4  # times a constant guess, at the end. Standardised digits, wine, cancer: under 1.3 at 12
)
SPIKE, STUCK = (
    3.0,
    0.9,
)  # times a constant guess: once above the first, at the end not below the second
CLIMBED = 10.0  # end to start, of a loss whose constant guess is not known
RATES = {"SGD": 0.5}  # the highest at which standardised inputs still learn; the others:
ADAPTIVE = 0.05
SATURATED, PATIENCE = 0.5, 60  # share of the first sigmoid or tanh; updates

DEAD = 0.9  # share of the units of a relu. Sound digits runs: under 0.3

LEARNED = (
    "Linear", "Conv1d", "Conv2d", "Conv3d", "Bilinear",
    "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell",
)  # fmt: skip
MOVING = ("Flatten", "Identity", "Unflatten", "Dropout")
NORMS = ("Norm",)  # BatchNorm1d, LayerNorm, InstanceNorm2d, GroupNorm, RMSNorm


@dataclass(slots=True)
class _Course:
    """The training loss in units of what a constant guess gives (None: not known)."""

    start: float
    peak: float
    end: float
    bad: int
    updates: int
    guess: float | None


def check(record: Record) -> Iterator[Finding]:
    """Large float inputs meet a learned layer, and the loss suffers."""
    if any(update.carried for _, update in record.events(Update)) or not _sane_rates(record):
        return
    for vitals, forward in record.events(Forward):
        layer = _meets(record, forward)
        if layer is not None and forward.backward is not False and _large(layer[1].numbers):
            how = _suffers(record, forward.model)
            if how:
                yield _say(record, vitals, forward, layer, how)
            return


def _sane_rates(record: Record) -> bool:
    """Every optimizer's rate would let scaled inputs learn."""
    return all(
        max((rate for _, rate in one.rates), default=0.0) <= RATES.get(one.kind, ADAPTIVE)
        for one in record.optimizers
    )


def _meets(record: Record, forward: Forward) -> tuple[str, TensorFacts] | None:
    """The learned layer that gets an input as it came, and that input."""
    facts = record.models[forward.model]
    inputs = [one for one in forward.inputs if one.floating and one.numbers is not None]
    if facts.kind in LEARNED and inputs:
        return facts.kind, inputs[0]
    if forward.modules is None:
        kinds = [kind for path, kind in facts.modules if path]
        plain = facts.kind == "Sequential" and kinds and not _normalised(kinds)
        first = next((kind for kind in kinds if kind not in MOVING), "") if plain else ""
        return (first, inputs[0]) if inputs and first in LEARNED else None
    leaves = [run for run in forward.modules if run.leaf]
    if _normalised([run.kind for run in leaves]):
        return None
    for run in leaves:
        same = next((one for one in inputs if _same(run, one)), None)
        if run.kind in LEARNED:
            return (run.kind, same) if same is not None else None
        if same is None:
            return None
    return None


def _same(run: ModuleRun, given: TensorFacts) -> bool:
    """The layer got this very tensor, whatever its shape now is."""
    got = run.input
    return (
        got is not None
        and got.identity == given.identity
        and math.prod(got.shape) == math.prod(given.shape)
    )


def _normalised(kinds: list[str]) -> bool:
    """A normalisation layer comes before the second learned one."""
    learned = 0
    for kind in kinds:
        learned += kind in LEARNED
        if learned > 1:
            return False
        if any(name in kind for name in NORMS):
            return True
    return False


def _size(numbers: Numbers) -> float:
    return math.hypot(numbers.mean, numbers.std)


def _large(numbers: Numbers | None) -> bool:
    return numbers is not None and numbers.finite and _size(numbers) > LARGE


def _suffers(record: Record, model: int) -> str:
    """What the loss does that it should not, in words; "" if it is sound."""
    course = _course(record)
    if course is None:
        return ""
    if course.bad:
        return "the loss is not finite"
    if course.updates < UPDATES:
        return ""
    if _share(record, "dead") >= DEAD:
        return "the units behind it are dead"
    if course.guess is None:
        climbed = course.end > CLIMBED * course.start > 0
        return f"the loss climbs from {course.start:.3g} to {course.end:.3g}" if climbed else ""
    end = course.end / course.guess
    if end > ABOVE:
        return f"the loss ends at {end:.3g} times what a constant guess gives"
    if course.peak > SPIKE * course.guess and end > STUCK:
        peak = course.peak / course.guess
        return f"the loss shot up to {peak:.3g} times a constant guess and stays at {end:.2g}"
    if end > STUCK and course.updates >= PATIENCE and _share(record, "saturated") > SATURATED:
        return (
            f"the first layer is saturated, and the loss stays at {end:.2g} times a constant guess"
        )
    return ""


def _course(record: Record) -> _Course | None:
    series = record.training()
    if series is None or not series.count:
        return None
    values = [value for value in series.values if math.isfinite(value)]
    if not values:
        return _Course(math.nan, math.nan, math.nan, series.bad, series.count, None)
    end = median(values[-max(3, len(values) // 4) :])
    guess = _guess(record)
    return _Course(median(values[:3]), max(values), end, series.bad, series.count, guess)


def _guess(record: Record) -> float | None:
    """The training loss if the prediction were a constant, in units of the backward's loss."""
    ratios: list[float] = []
    for vitals, loss in record.events(Loss):
        backward = next(vitals.of(Backward), None)
        guess = _constant(loss) if loss.backward is not False else None
        if guess is None or backward is None or loss.value is None or not backward.value:
            continue
        if math.isfinite(loss.value) and math.isfinite(backward.value) and loss.value > 0:
            ratios.append(guess * backward.value / loss.value)
    return median(ratios) if ratios and median(ratios) > 0 else None


def _constant(loss: Loss) -> float | None:
    """The mean loss of a constant prediction: all classes alike, or 0 for numbers."""
    if loss.reduction != "mean" or loss.prediction is None or loss.target is None:
        return None
    if loss.function in ("cross_entropy", "nll_loss") and len(loss.prediction.shape) > 1:
        return math.log(max(loss.prediction.shape[1], 2))
    if loss.function in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        return math.log(2)
    numbers = loss.target.numbers
    if numbers is None or not numbers.finite or not loss.same_shape:
        return None
    size = _size(numbers)
    return {"mse_loss": size**2, "l1_loss": size, "smooth_l1_loss": size, "huber_loss": size}.get(
        loss.function
    )


def _share(record: Record, of: str) -> float:
    """The largest share of units that are dead (relu) or saturated (sigmoid, tanh)."""
    nodes = [
        node
        for _, event in record.events(Backward)
        for node in (event.graph.nodes if event.graph else ())
    ]
    return max((share for node in nodes if (share := getattr(node, of)) is not None), default=0.0)


def _say(
    record: Record, vitals: Vitals, forward: Forward, layer: tuple[str, TensorFacts], how: str
) -> Finding:
    kind, facts = layer
    numbers = facts.numbers
    assert numbers is not None
    size, name = _size(numbers), argument(forward.site, "inputs")
    pixels = numbers.lowest >= 0 and 128 < numbers.highest <= 255 and numbers.integers
    evidence: dict[str, Fact] = {
        "lowest": round(numbers.lowest, 4),
        "highest": round(numbers.highest, 4),
        "root_mean_square": round(size, 4),
        "lowest_feature_std": round(numbers.feature_stds[0], 4),
        "highest_feature_std": round(numbers.feature_stds[1], 4),
    }
    return Finding(
        message=f"{kind} gets raw inputs from {numbers.lowest:.4g} to {numbers.highest:.4g}, "
        f"and {how}",
        cause=f"the inputs are of size {size:.3g} (root mean square), layers are made for about 1: "
        "the first outputs and gradients are that much too large",
        fix=f"`{name} = {name} / 255`, in training and in evaluation"
        if pixels
        else f"`{name} = ({name} - mean) / std`, both of each feature over the training data",
        evidence=evidence,
        site=forward.site,
        iteration=vitals.iteration,
        count=max(record.count(Update), 1),
        confidence=0.9,
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    units = torch.tensor(
        [1.0, 1e3, 1.0, 1e5, 10.0, 1e4, 1.0, 1.0], dtype=practice.dtype
    )  # m, g, EUR
    for inputs, targets in practice.classification():
        loss = loss_fn(model(units * inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    units = torch.tensor([1.0, 1e3, 1.0, 1e5, 10.0, 1e4, 1.0, 1.0], dtype=practice.dtype)
    for inputs, targets in practice.classification():
        raw = units * inputs
        loss = loss_fn(model((raw - raw.mean(0)) / raw.std(0)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
