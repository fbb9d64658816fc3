"""The loss is finite, and its gradient is NaN or infinite.

*Why is this bad?*
The update writes it into the weights, and from the next iteration on everything is NaN. The
derivative of an operation may be infinite where its value is not: ``sqrt`` at 0, ``pow`` with an
exponent below 1 at 0. A mask or ``torch.where`` does not help, since 0 times infinity, on the side
that was not taken, is NaN.

*What to do*
Keep the operand away from the place, before the operation:

    torch.sqrt(x + 1e-8)
    torch.where(ok, torch.log(torch.where(ok, x, 1.0)), 0.0)

``torch.autograd.set_detect_anomaly(True)`` names the operation where nothing is said of it here.

*When it is wrong*
A ``GradScaler`` looks for such gradients and skips the update; a loop that looks itself and skips
is not named either. Only gradients that an update used are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting
from fivestep.practice import Practice
from fivestep.vitals import Backward, Node, Record, Update, Vitals

SEVERITY = Severity.WRONG
EXPLAINS = (
    "nonfinite-loss",
    "dead-units",
    "collapsed-output",
    "huge-update",
    "exploding-gradient",
    "tiny-update",
    "gradientless-parameter",
)

# Operations whose derivative is infinite at a place where their value is finite: what they saved
# there, and how to keep away.
AT = {
    "SqrtBackward0": (0.0, "sqrt at 0", "torch.sqrt(x + 1e-8)"),
    "PowBackward0": (0.0, "a power at 0", "(x + 1e-8) ** exponent"),
    "DivBackward0": (0.0, "a division by 0", "x / (y + 1e-8)"),
    "LogBackward0": (0.0, "log at 0", "torch.log(x + 1e-8)"),
    "AcosBackward0": (1.0, "acos at 1", "x.clamp(-1 + 1e-6, 1 - 1e-6)"),
    "AsinBackward0": (1.0, "asin at 1", "x.clamp(-1 + 1e-6, 1 - 1e-6)"),
}


def check(record: Record) -> Iterator[Finding]:
    """The first update that used a gradient which is not finite, of a loss that was."""
    for optimizer in record.optimizers:
        bad = [
            (v, e) for v, e in record.events(Update) if e.optimizer == optimizer.number and _bad(e)
        ]
        if bad and _finite_so_far(record, bad[0][0], bad[0][1]):
            yield _say(record, Sighting([one for one in bad if _weights_finite(one[1])]))


def _bad(update: Update) -> bool:
    return not update.scaler and _weights_finite(update) and bool(_parameters(update))


def _parameters(update: Update) -> list[int]:
    return [
        norm.parameter
        for norm in update.norms or ()
        if norm.gradient is not None and not math.isfinite(norm.gradient)
    ]


def _weights_finite(update: Update) -> bool:
    return all(math.isfinite(norm.weight) for norm in update.norms or ())


def _finite_so_far(record: Record, vitals: Vitals, update: Update) -> bool:
    """No loss up to this update was NaN or infinite, and nobody scaled it."""
    before = [e for _, e in record.events(Backward) if e.at < update.at]
    values = [e.value for e in before if e.value is not None]
    here = [e for e in vitals.of(Backward) if e.at < update.at]
    return (
        bool(values)
        and all(math.isfinite(one) for one in values)
        and not any(e.scaled for e in here)
    )


def _operation(record: Record, update: Update) -> tuple[str, str] | None:
    """The operation of the last backward before it whose derivative is infinite there."""
    graphs = [
        e.graph for _, e in record.events(Backward) if e.at < update.at and e.graph is not None
    ]
    for node in reversed(graphs[-1].nodes if graphs else ()):
        if node.name in AT and _touches(node, AT[node.name][0]):
            return AT[node.name][1:]
    return None


def _touches(node: Node, place: float) -> bool:
    if node.lowest is None or node.highest is None:
        return False
    return node.highest >= place if place else node.lowest <= 0 <= node.highest


def _say(record: Record, seen: Sighting[Update]) -> Finding:
    first = seen.first
    value = next((e.value for e in seen.events[0][0].of(Backward) if e.value is not None), None)
    names = record.names(_parameters(first))
    made = _operation(record, first)
    evidence: dict[str, Fact] = {"parameters": len(_parameters(first)), "iteration": seen.iteration}
    evidence |= {} if value is None else {"loss": value}
    evidence |= {} if made is None else {"made_by": made[0]}
    return seen.finding(
        message=("the loss is finite" if value is None else f"the loss is {value:.4g}")
        + f" and the gradient of {names} is NaN or infinite"
        + (f": {made[0]}" if made else ""),
        cause=f"{made[0]} has an infinite derivative"
        if made
        else "an operation behind the loss has an infinite derivative where it was used",
        fix=f"keep away from it: `{made[1]}`"
        if made
        else "look for sqrt, pow, log or a division at 0: "
        "`torch.autograd.set_detect_anomaly(True)` names the line",
        evidence=evidence,
        site=first.last_backward or first.site,
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        error = (model(inputs) - targets).pow(2) * (targets > 0)
        loss = error.sqrt().mean()  # where the mask is 0, sqrt is infinitely steep
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(4, 1))
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        error = (model(inputs) - targets).pow(2) * (targets > 0)
        loss = (error + 1e-6).sqrt().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
