"""The first layers get next to no gradient: it vanishes on its way back through the depth.

*Why is this bad?*
Every layer multiplies the gradient that comes back through it. Where the factor is below one
(sigmoid: a quarter at most) a dozen layers leave nothing, the first layers stay as they were
initialised, and the last ones learn from noise.

*What to do*
Use an activation and an initialisation that keep the length, or give the gradient a way around:

    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")   # with ReLU
    x = x + block(x)                                             # residual connections

or normalise between the layers (``nn.LayerNorm``, ``nn.BatchNorm1d``).

*When it is wrong*
Optimizers that divide by the gradient's own length often learn all the same, so the first layers
must stand still and the loss must not fall; where it falls by a shorter way beside the deep one, nothing
may come through that either. A last layer that starts at zero is waited for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.vitals import Forward, Norm, OptimizerFacts, Record, Update, Vitals

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = ("flat-loss", "tiny-update", "collapsed-output")

DEPTH = 4  # layers of weights: fewer do not vanish
# First to last layer's gradient. 24 sound networks of 2 to 22 layers: 2e-3 and more (ReLU x 12 as
# initialised by default); sigmoid x 6: 2e-4, x 8: 2e-6, x 12: 2e-9; ReLU x 20: 8e-7.
LEFT = 1e-3
GONE = 1e-5  # where the first layers move all the same. GELU x 12 with Adam, which learns: 5e-5
STILL = 1e-2  # first to last layer's relative change: Adam moves all layers alike (near 1)
RISING = 0.75  # share of neighbours where the later layer gets more. Sound networks: about a half
UPDATES = 4  # measured, before anybody may say so
FALLEN = 0.8  # of the first losses: below it the run learns all the same
EDGES = ("Linear", "Conv", "Bilinear", "Attention", "RNN", "LSTM", "GRU")

Spread = tuple[str, float]  # a layer, and how much its output differs from sample to sample


class Layer(NamedTuple):
    """The weights of one layer at one update, per element so that sizes do not matter."""

    name: str
    owner: str
    gradient: float
    change: float  # relative to the weights


def check(record: Record) -> Iterator[Finding]:
    """Gradients that grow from layer to layer, and a loss that stays where it was."""
    for optimizer in record.optimizers:
        updates = [
            (v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number and e.norms
        ]
        profiles = [(v, e, layers(record, e)) for v, e in updates]
        late = profiles[len(profiles) // 2 :]  # a last layer may start at zero
        if (
            len(profiles) >= UPDATES
            and all(_vanishes(one) for _, _, one in late)
            and _stays(record)
        ):
            yield _say(record, profiles[0][0], late[-1][1], late[-1][2], len(profiles))
        elif len(profiles) >= UPDATES and _stays(record):
            faded = _fades(record, optimizer)
            if faded is not None:
                yield _say_faded(*faded, profiles[0][1], len(profiles))
        elif len(profiles) >= UPDATES:
            branch = _dead_branch(record, optimizer, [one for _, _, one in late])
            if branch:
                yield _say(record, profiles[0][0], late[-1][1], branch, len(profiles))


def _dead_branch(record: Record, optimizer: OptimizerFacts, late: list[list[Layer]]) -> list[Layer]:
    """Layers beside others that learn: to the end they get nothing, and let nothing through.

    Of one network in a row the loss could not fall then; beside a short way it does.
    """
    branches = [_branch(found) for found in late]
    if not all(_gone(one) for one in branches):
        return []
    held, first = set(optimizer.parameters), branches[-1][0].name.rpartition(".")[0]
    seen = [_spreads(e, held) for _, e in record.events(Forward) if e.grad == "on"]
    after = [_from(spreads, first) for spreads in seen if spreads]
    shut = bool(after) and all(_shrinks(spreads) for spreads in (after[0], after[-1]))
    return branches[-1] if shut else []


def _branch(found: list[Layer]) -> list[Layer]:
    """From the layer with the least gradient on, to that with the most behind it."""
    if not found:
        return []
    start = min(range(len(found)), key=lambda i: found[i].gradient)
    end = max(range(start, len(found)), key=lambda i: found[i].gradient)
    return found[start : end + 1]


def _gone(branch: list[Layer]) -> bool:
    return _vanishes(branch) and branch[0].gradient < GONE * branch[-1].gradient


def _from(spreads: list[Spread], first: str) -> list[Spread]:
    """From the layer of this name to the one behind that with the least: others may run after it."""
    at = next((i for i, (name, _) in enumerate(spreads) if name == first), len(spreads))
    least = min(range(at, len(spreads)), key=lambda i: spreads[i][1], default=at)
    return spreads[at : least + 2]


def _fades(record: Record, optimizer: OptimizerFacts) -> tuple[Vitals, list[Spread]] | None:
    """What tells the samples apart shrinks from layer to layer, at first and at the end.

    The gradient of a weight is the one that comes back times what came in: where the one grows and
    the other shrinks, the layers get alike little, and only the last bias learns.
    """
    held = set(optimizer.parameters)
    seen = [(v, _spreads(e, held)) for v, e in record.events(Forward) if e.grad == "on"]
    seen = [(v, spreads) for v, spreads in seen if spreads]
    if len(seen) < UPDATES or not all(_shrinks(spreads) for _, spreads in (seen[0], seen[-1])):
        return None
    return seen[0]


def _spreads(forward: Forward, held: set[int]) -> list[Spread]:
    """How much the samples differ behind each layer, in the order in which they ran."""
    return [
        (run.name, run.output.numbers.spread)
        for run in forward.modules or ()
        if run.leaf and held & set(run.parameters) and any(one in run.kind for one in EDGES)
        if run.output is not None and run.output.numbers is not None
    ]


def _shrinks(spreads: list[Spread]) -> bool:
    """Down to LEFT before the last layer, which may start at zero."""
    values = [value for _, value in spreads[:-1]]
    if len(spreads) < DEPTH or not values[0] or not math.isfinite(values[0]):
        return False
    falling = sum(a >= b for a, b in pairwise(values))
    return values[-1] < LEFT * values[0] and falling >= RISING * (len(values) - 1)


def layers(record: Record, update: Update) -> list[Layer]:
    """The layers that this update changed, in the order in which they ran."""
    found = [(record.parameters[norm.parameter], norm) for norm in update.norms or ()]
    weights = {
        facts.number: Layer(facts.name, facts.owner, *_per_element(norm, facts.shape))
        for facts, norm in found
        if len(facts.shape) > 1
        and norm.gradient is not None
        and any(one in facts.owner for one in EDGES)
    }
    models = sorted({facts.model for facts, _ in found if facts.model is not None})
    return [weights[one] for model in models for one in _order(record, model) if one in weights]


def _per_element(norm: Norm, shape: tuple[int, ...]) -> tuple[float, float]:
    elements = min(math.prod(shape), 65_536)
    change = norm.update / norm.weight if norm.weight else 0.0
    return (norm.gradient or 0.0) / elements**0.5, change


def _order(record: Record, model: int) -> list[int]:
    for _, forward in record.events(Forward):
        if forward.model == model and forward.modules:
            ran = (number for run in forward.modules for number in run.parameters)
            return list(dict.fromkeys(ran))
    return list(record.models[model].parameters)


def _vanishes(found: list[Layer]) -> bool:
    if len(found) < DEPTH or not found[-1].gradient or not math.isfinite(found[-1].gradient):
        return False
    first, last = found[0], found[-1]
    rising = sum(a.gradient <= b.gradient for a, b in pairwise(found))
    limit = LEFT if first.change <= STILL * last.change else GONE
    return first.gradient < limit * last.gradient and rising >= RISING * (len(found) - 1)


def _stays(record: Record) -> bool:
    series = record.training()
    values = series.values if series is not None else []
    quarter = max(2, len(values) // 4)
    if len(values) < UPDATES or series is None or series.bad:
        return False
    start = median(values[:quarter])
    return start <= 0 or median(values[-quarter:]) > FALLEN * start


def _say(record: Record, vitals: Vitals, update: Update, found: list[Layer], seen: int) -> Finding:
    first, last = found[0], found[-1]
    share = first.gradient / last.gradient
    return Finding(
        message=f"{first.name} gets {share:.1g} of the gradient of {last.name}, "
        f"{len(found) - 1} layers later",
        cause="the gradient shrinks in every layer on its way back: the first layers do not learn",
        fix="use ReLU with `nn.init.kaiming_normal_`, residual connections, or normalise",
        evidence={
            "first_layer": first.gradient,
            "last_layer": last.gradient,
            "share": share,
            "layers": len(found),
            "updates_looked_at": seen,
        },
        site=update.last_backward or update.site,
        iteration=vitals.iteration,
        count=seen,
        confidence=0.9,
    )


def _say_faded(vitals: Vitals, spreads: list[Spread], update: Update, seen: int) -> Finding:
    (first, before), (last, after) = spreads[0], spreads[-2]
    return Finding(
        message=f"behind {last} the samples differ by {after:.1g}, behind {first} by {before:.1g}: "
        f"{len(spreads) - 2} layers leave next to nothing of them",
        cause="every layer shrinks what comes in, and on the way back the gradient: the weights get "
        "next to none, only the last bias learns",
        fix="initialise with larger weights (`nn.init.xavier_normal_`, with ReLU "
        "`nn.init.kaiming_normal_`), or normalise between the layers",
        evidence={
            "first_layer": before,
            "last_layer": after,
            "share": after / before,
            "layers": len(spreads),
            "updates_looked_at": seen,
        },
        site=update.last_backward or update.site,
        iteration=vitals.iteration,
        count=seen,
        confidence=0.9,
    )


def _deep(activation: type[nn.Module]) -> nn.Sequential:
    hidden: list[nn.Module] = []
    for _ in range(14):
        layer = nn.Linear(16, 16)
        if activation is nn.ReLU:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        hidden += [layer, activation()]
    return nn.Sequential(nn.Linear(8, 16), activation(), *hidden, nn.Linear(16, 3))


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(_deep(nn.Sigmoid)), practice.loss("cross_entropy")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(_deep(nn.ReLU)), practice.loss("cross_entropy")
    optimizer = practice.optimizer(model, lr=0.003)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
