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
from math import exp, inf, isfinite, prod
from typing import NamedTuple

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Graph, Loss, Node, Record, TensorFacts
from fivestep.vitals.facts import Numbers
from fivestep.vitals.operations import MOVING, made_by

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
SQUARES = ("PowBackward0", "AbsBackward0")
REDUCING = ("Mean", "Sum", "Div", "Mul", "Sqrt")
DEEP = 8  # operations between a loss and its square
TENTHS = 2.56  # standard deviations between the tenths of a normal distribution
BEYOND = 0.2  # a tenth of the targets lie this far beyond an edge: labels of 0.8 to 1.2 do not
OF_STD = 0.2  # the same for an activation with one edge, in standard deviations of the targets


def check(record: Record) -> Iterator[Finding]:
    """A tenth of the targets or more lie well beyond the range of the last operation."""
    compared = [(v, e) for v, e in record.events(Loss) if e.backward is not False and _range(e)]
    for seen in sightings(compared):
        beyond = [(v, e) for v, e in seen.events if _beyond(e)]
        if 2 * len(beyond) > len(seen.events):
            yield _say(Sighting(beyond))
    graphs = [(v, e) for v, e in record.events(Backward) if e.graph is not None and _by_hand(e)]
    for seen in sightings(graphs):
        outside = [(v, e) for v, e in seen.events if _outside(_by_hand(e))]
        if 2 * len(outside) > len(seen.events):
            yield _say_by_hand(Sighting(outside))


class ByHand(NamedTuple):
    """An error written by hand: what made the prediction, and where the targets surely lie."""

    made: Node
    reach: Range
    upper: float  # a tenth of the targets are at least this
    lower: float  # a tenth at most this
    std: float  # of the difference, about


def _by_hand(backward: Backward) -> ByHand | None:
    """The square or the absolute value of a difference between an activation and the targets."""
    graph = backward.graph
    heard = bool(backward.losses)  # l1_loss is an absolute value too
    found = _error(graph) if graph is not None and graph.nodes and not heard else None
    if graph is None or found is None or (tenths := graph.nodes[found].tenths) is None:
        return None
    difference = next(graph.behind(found), None)
    if difference is None or not difference.name.startswith("SubBackward"):
        return None
    made = _maker(graph, difference)
    if made is None or len(difference.inputs) != 2:
        return None
    low, high = tenths
    if difference.inputs[0] == -1:  # targets less the prediction
        low, high = -high, -low
    reach = RANGES[made.name][1]
    least = made.lowest if made.lowest is not None else reach[0]
    most = made.highest if made.highest is not None else reach[1]
    return ByHand(made, reach, least - low, most - high, (high - low) / TENTHS)


def _error(graph: Graph) -> int | None:
    """The first square or absolute value, behind nothing but means, sums, roots and factors."""
    place = 0
    for _ in range(DEEP):
        node = graph.nodes[place]
        if node.name in SQUARES:
            return place
        inputs = [one for one in node.inputs if 0 <= one < len(graph.nodes)]
        if len(inputs) != 1 or not (node.name.startswith(REDUCING) or node.name in MOVING):
            return None
        place = inputs[0]
    return None


def _maker(graph: Graph, difference: Node) -> Node | None:
    """The activation on the one side of a difference that takes a gradient."""
    sides = [one for one in difference.inputs if one >= 0]
    while len(sides) == 1 and sides[0] < len(graph.nodes):
        node = graph.nodes[sides[0]]
        if node.name in RANGES:
            same = prod(node.shape) == prod(difference.shape)  # nothing broadcast
            return node if same else None
        if node.name not in MOVING:
            return None
        sides = [one for one in node.inputs if one >= 0]
    return None


def _outside(one: ByHand | None) -> bool:
    if one is None or not (isfinite(one.lower) or isfinite(one.upper)):
        return False
    low, high = one.reach
    margin = BEYOND if isfinite(low) and isfinite(high) else OF_STD * one.std
    return one.upper > high + margin or one.lower < low - margin


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


def _say_by_hand(seen: Sighting[Backward]) -> Finding:
    one = _by_hand(seen.first)
    assert one is not None
    name, (low, high) = RANGES[one.made.name]
    above = one.upper > high
    where = f"{one.upper:.4g} or more" if above else f"{one.lower:.4g} or less"
    return seen.finding(
        message=f"{name} gives {_span(low, high)}, and a tenth of the targets are {where}",
        cause="the model cannot answer with what lies outside, and its gradient dies at the edge",
        fix=_fix(name, inside=False),
        evidence={
            "activation": name,
            "reaches": _span(low, high),
            "a_tenth_of_the_targets": where,
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
