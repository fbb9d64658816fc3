"""The last activation cannot produce the targets.

*Why is this bad?*
A ReLU never answers below 0, a sigmoid never outside 0 to 1, a tanh never outside -1 to 1.
For every target out there the model can only come as near as the edge, where its gradient dies:
the loss stops at a floor that no training moves.

*What to do*
Leave the last activation out, so that the last layer answers with any number:

    nn.Linear(hidden, 1)

or bring the targets into its range (divide pixels by 255, labels 0 and 1 in place of -1 and 1).

*When it is wrong*
Targets a little outside (noise, smoothed labels) are left alone: a tenth of them have to lie well
beyond the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, inf, isfinite

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Loss, Record, TensorFacts
from fivestep.vitals.facts import Numbers
from fivestep.vitals.operations import made_by

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = (
    "dead-units", "collapsed-output", "vanishing-gradient", "flat-loss", "tiny-update",
    "gradientless-parameter", "diverging-loss", "zigzag-loss", "huge-update", "exploding-gradient",
)  # fmt: skip

Range = tuple[float, float]
RANGES: dict[str, tuple[str, Range]] = {
    "ReluBackward0": ("ReLU", (0.0, inf)),
    "SoftplusBackward0": ("softplus", (0.0, inf)),
    "ExpBackward0": ("exp", (0.0, inf)),
    "AbsBackward0": ("abs", (0.0, inf)),
    "GeluBackward0": ("GELU", (-0.17, inf)),
    "SiluBackward0": ("SiLU", (-0.279, inf)),
    "SigmoidBackward0": ("sigmoid", (0.0, 1.0)),
    "HardsigmoidBackward0": ("hardsigmoid", (0.0, 1.0)),
    "SoftmaxBackward0": ("softmax", (0.0, 1.0)),
    "TanhBackward0": ("tanh", (-1.0, 1.0)),
    "LogSoftmaxBackward0": ("log_softmax", (-inf, 0.0)),
    "LogSigmoidBackward0": ("logsigmoid", (-inf, 0.0)),
}
ERRORS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
WITH_SIGMOID = "binary_cross_entropy_with_logits"
BEYOND = 0.2  # a tenth of the targets lie this far beyond an edge: labels of 0.8 to 1.2 do not
OF_STD = 0.2  # the same for an activation with one edge, in standard deviations of the targets


def check(record: Record) -> Iterator[Finding]:
    """A tenth of the targets or more lie well beyond the range of the last operation."""
    compared = [(v, e) for v, e in record.events(Loss) if e.backward is not False and _range(e)]
    for seen in sightings(compared):
        beyond = [(v, e) for v, e in seen.events if _beyond(e)]
        if 2 * len(beyond) > len(seen.events):
            yield _say(Sighting(beyond))


def _sides(loss: Loss) -> tuple[TensorFacts | None, TensorFacts | None]:
    """Prediction and targets, for a symmetric error called the other way round too."""
    first, second = loss.prediction, loss.target
    if loss.function in ERRORS and second is not None and second.requires_grad:
        return second, first
    return first, second


def _range(loss: Loss) -> Range | None:
    """What the loss can compare the targets with; None if that is anything."""
    prediction, target = _sides(loss)
    if prediction is None or target is None or not prediction.requires_grad or target.requires_grad:
        return None
    made = made_by(prediction)
    if loss.function == WITH_SIGMOID:
        if made in ("SigmoidBackward0", "SoftmaxBackward0"):
            return None  # probabilities-as-logits
        low, high = RANGES.get(made, ("", (-inf, inf)))[1]
        return _sigmoid(low), _sigmoid(high)
    return RANGES[made][1] if loss.function in ERRORS and made in RANGES else None


def _sigmoid(value: float) -> float:
    return 1 / (1 + exp(-value)) if value > -700 else 0.0


def _beyond(loss: Loss) -> bool:
    reach, numbers = _range(loss), _targets(loss)
    if reach is None or numbers is None:
        return False
    low, high = reach
    tenths = numbers.tenths
    if not (isfinite(tenths[0]) and isfinite(tenths[1])):
        return False
    margin = BEYOND if isfinite(low) and isfinite(high) else OF_STD * numbers.std
    return tenths[0] < low - margin or tenths[1] > high + margin


def _targets(loss: Loss) -> Numbers | None:
    target = _sides(loss)[1]
    return target.numbers if target is not None else None


def _say(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    (low, high), numbers = _range(first) or (-inf, inf), _targets(first)
    assert numbers is not None
    name = RANGES[made][0] if (made := made_by(_sides(first)[0])) in RANGES else ""
    inside = first.function == WITH_SIGMOID
    maker = (
        f"{name} and the sigmoid in {first.function}"
        if name
        else f"the sigmoid in {first.function}"
    )
    maker = maker if inside else name
    return seen.finding(
        message=f"{maker} gives {_span(low, high)}, and the targets run from {numbers.lowest:.4g} "
        f"to {numbers.highest:.4g}",
        cause="the model cannot answer with what lies outside, and its gradient dies at the edge",
        fix=_fix(name, inside=inside),
        evidence={
            "activation": maker,
            "reaches": _span(low, high),
            "targets_from": numbers.lowest,
            "targets_to": numbers.highest,
        },
    )


def _span(low: float, high: float) -> str:
    if not isfinite(high):
        return f"nothing below {low:g}"
    if not isfinite(low):
        return f"nothing above {high:g}"
    return f"{low:.3g} to {high:.3g}"


def _fix(name: str, *, inside: bool) -> str:
    if inside and not name:
        return "bring the targets into 0 to 1, or use a regression loss"
    return f"remove the {name} after the last layer, or bring the targets into its range"


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1), nn.Sigmoid()))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)))
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
