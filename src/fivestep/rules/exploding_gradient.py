"""The gradient runs away: it grows through depth or time, or bursts out of its own history.

*Why is this bad?*
One update with such a gradient throws the weights far off, and what was learned is lost; soon after
the loss is often NaN. Long recurrences and initial weights that are too large multiply the gradient
in every step on its way back.

*What to do*
Clip its norm between backward and update:

    nn.utils.clip_grad_norm_(model.parameters(), 1.0)

and initialise so that every layer keeps the length (``nn.init.orthogonal_`` for recurrent weights,
``nn.init.kaiming_normal_`` with ReLU).

*When it is wrong*
A large gradient alone says nothing: losses that are sums, or targets in the thousands, have one. It
must grow through the layers or against its own history, without clipping, and the run must suffer
or the growth be beyond doubt. Weights that were loaded are not judged by their outputs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from statistics import median

import torch
from torch import nn

from fivestep.finding import Finding, Severity
from fivestep.practice import Practice
from fivestep.rules.vanishing_gradient import Layer, layers
from fivestep.vitals import (
    Backward,
    Clip,
    Forward,
    Graph,
    OptimizerFacts,
    Record,
    Series,
    State,
    Update,
    Vitals,
)

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = (
    "nonfinite-loss", "nonfinite-gradient", "huge-update", "dead-units", "collapsed-output",
    "diverging-loss", "zigzag-loss", "flat-loss", "vanishing-gradient", "tiny-update",
)  # fmt: skip

# A layer's gradient to that of the last one, at the first update. RNN, 50 steps, recurrent weights
# of std 0.5: 5e4, ReLU 5e3; 30 sound networks: 3.5 at most, tanh with std 2: 17. The same for the
# spread of the last layer's output to the first's: ReLU x 6, std 1: 4e3; by default: below 1.
TIMES = 1e3
CERTAIN = 1e4  # the same where the loss falls all the same: the last layer learns alone
BURST = 100.0  # to the highest gradient norm of the first quarter: chosen, not measured
BEYOND = 10.0  # times what the root of the loss's growth explains: chosen, not measured
CALM = 0.3  # update to weight norm: longer updates by usual gradients are the rate's fault
RISE = 3.0  # to the highest norm of the first quarter: above it a burst has begun
UPDATES = 8  # fewer are no history
# Through time: the adding problem with ReLU, 50 steps: 5e4 times the median, the loss 200 times
OUTSIDE = 1e3  # highest gradient norm to the median of all
LEAP = 10.0  # highest loss to those of the first quarter
SHORT = 0.03  # update to weight norm, the median. The same: 0.002
STEPS = 10  # uses of the same weights in one forward
FALLEN = 0.9  # of the first losses: below it the run does not suffer

Seen = tuple[Vitals, Update]


def check(record: Record) -> Iterator[Finding]:
    """Without clipping, and with a loss that suffers: through the layers, or in a burst."""
    series = record.training()
    if series is None or record.count(Clip):
        return
    loaded = any(event.action == "loaded" for _, event in record.events(State))
    for optimizer in record.optimizers:
        updates = [
            (v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number and e.norms
        ]
        if len(updates) < 2:
            continue
        suffers = _suffers(series)
        deep = _through_depth(record, updates[0][1], TIMES if suffers else CERTAIN)
        grown = None if loaded else _through_forward(record, optimizer)
        if deep is not None:
            yield _say(updates[0], *deep)
        elif grown is not None and _unwieldy(updates[0][1]):
            yield _say(updates[0], *grown)
        else:
            burst = _burst(updates, series) if suffers else None
            burst = burst or _through_time(record, updates, series)
            if burst is not None:
                yield _say(*burst)


def _suffers(series: Series) -> bool:
    values = series.values
    quarter = max(1, len(values) // 4)
    if series.bad:
        return bool(values) and math.isfinite(values[0])
    return len(values) >= 4 and median(values[-quarter:]) > FALLEN * median(values[:quarter])


def _through_depth(
    record: Record, update: Update, limit: float
) -> tuple[str, dict[str, float]] | None:
    """Inner layers get a gradient many times that of the last, before any update.

    The first layer is left out: its gradient grows with the data, which may be raw.
    """
    found = [one for one in layers(record, update)[1:] if one.gradient]
    if len(found) < 2:
        return None
    most, last = max(found, key=_finite_gradient), found[-1]
    times = most.gradient / last.gradient
    if not times > limit:
        return None
    text = (
        f"the gradient of {most.name} is {times:.1g} times that of {last.name} at the first update"
    )
    return text, {"first_layers": most.gradient, "last_layer": last.gradient, "times": times}


def _finite_gradient(layer: Layer) -> float:
    return layer.gradient if math.isfinite(layer.gradient) else math.inf


def _through_forward(
    record: Record, optimizer: OptimizerFacts
) -> tuple[str, dict[str, float]] | None:
    """Outputs that grow from layer to layer, before any update: the gradient grows with them."""
    held = set(optimizer.parameters)
    for _, forward in record.events(Forward):
        runs = [run for run in forward.modules or () if run.leaf and held & set(run.parameters)]
        spreads = [run.output.numbers.std for run in runs if run.output and run.output.numbers]
        if len(spreads) >= 3 and spreads[0] and spreads[-1] > TIMES * spreads[0]:
            times = spreads[-1] / spreads[0]
            text = f"the output grows {times:.1g} times from {runs[0].name} to {runs[-1].name}"
            text += ", and the gradient with it"
            return text, {"first_layer": spreads[0], "last_layer": spreads[-1], "times": times}
        if runs:
            return None
    return None


def _unwieldy(update: Update) -> bool:
    return bool(update.weight_norm) and (update.gradient_norm or 0.0) > (update.weight_norm or 0.0)


def _burst(updates: list[Seen], series: Series) -> tuple[Seen, str, dict[str, float]] | None:
    """One gradient far above all before it, and above what the loss tells, after short updates.

    A batch far from the others, or a loss that climbs, raises the gradient too: of a squared error
    it grows as the root of the loss.
    """
    end = series.first_bad or math.inf
    updates = [(v, e) for v, e in updates if v.iteration < end and e.gradient_norm]
    if len(updates) < UPDATES:
        return None
    losses = dict(series.points)
    quarter = max(3, len(updates) // 4)
    highest = max(e.gradient_norm or 0.0 for _, e in updates[:quarter])
    known = [abs(losses[v.iteration]) for v, _ in updates[:quarter] if v.iteration in losses]
    level, start = max(known, default=0.0), None
    for vitals, event in updates:
        norm, loss = event.gradient_norm or 0.0, abs(losses.get(vitals.iteration, math.inf))
        usual = norm <= RISE * highest
        start = None if usual else start or (vitals, event)
        if norm > BURST * highest:
            told = (loss / level) ** 0.5 if level else math.inf
            if not math.isfinite(norm) or norm < BEYOND * told * highest:
                return None
            text = f"the gradient norm bursts from at most {highest:.3g} to {norm:.3g}"
            evidence = {"before": highest, "burst": norm, "times": norm / highest}
            return start or (vitals, event), text, evidence
        if usual and (event.ratio or 0.0) > CALM:
            return None
    return None


def _through_time(
    record: Record, updates: list[Seen], series: Series
) -> tuple[Seen, str, dict[str, float]] | None:
    """Weights used step after step, short updates as a rule, and gradients that leap with the loss.

    Whatever the rate, it is not to blame where nearly all updates are short.
    """
    measured = [(v, e) for v, e in updates if e.gradient_norm and math.isfinite(e.gradient_norm)]
    ratios = [e.ratio for _, e in measured if e.ratio is not None]
    short = bool(ratios) and median(ratios) <= SHORT  # weights of zero have no ratio
    if len(measured) < UPDATES or not short or not _bursts_again(series):
        return None
    usual = median(e.gradient_norm or 0.0 for _, e in measured)
    most = max(measured, key=lambda one: one[1].gradient_norm or 0.0)
    highest = most[1].gradient_norm or 0.0
    if highest < OUTSIDE * usual or _steps(record) < STEPS:
        return None
    text = f"the gradient norm, {usual:.3g} as a rule, bursts to {highest:.3g} and the loss with it"
    return most, text, {"usual": usual, "burst": highest, "times": highest / usual}


def _bursts_again(series: Series) -> bool:
    """After its first quarter the loss leaps far above all of it, and ends finite."""
    values = series.values
    quarter = max(3, len(values) // 4)
    before, after = values[:quarter], values[quarter:]
    return not series.bad and bool(after) and max(after) > LEAP * max(before) > 0


def _steps(record: Record) -> int:
    """How often the graph behind a loss uses the same weights, at most."""
    graphs = (event.graph for _, event in record.events(Backward) if event.graph is not None)
    return max((_uses(graph) for graph in graphs), default=0)


def _uses(graph: Graph) -> int:
    leaves = {
        i for i, node in enumerate(graph.nodes) if len(node.shape) > 1 and node.parameter >= 0
    }
    uses = Counter(i for node in graph.nodes for i in set(node.inputs) & leaves)
    return max(uses.values(), default=0)


def _say(seen: Seen, text: str, evidence: dict[str, float]) -> Finding:
    vitals, update = seen
    return Finding(
        message=text,
        cause="on its way back every layer or time step multiplies the gradient by more than one",
        fix="clip before the update: `nn.utils.clip_grad_norm_(model.parameters(), 1.0)`; "
        "initialise with smaller weights",
        evidence={**evidence, "gradient_norm": update.gradient_norm or 0.0},
        site=update.last_backward or update.site,
        iteration=vitals.iteration,
        count=1,
        confidence=0.9,
    )


class Recurrent(nn.Module):
    """A recurrence over 40 steps with recurrent weights of a given size."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.rnn, self.head = nn.RNN(8, 64, batch_first=True), nn.Linear(64, 3)
        nn.init.normal_(self.rnn.all_weights[0][1], std=std)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, 8), given in each of 40 steps, to (batch, 3)."""
        states, _ = self.rnn(x.unsqueeze(1).expand(-1, 40, -1))
        return self.head(states[:, -1])


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(Recurrent(0.6)), practice.loss("cross_entropy")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(Recurrent(0.05)), practice.loss("cross_entropy")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
