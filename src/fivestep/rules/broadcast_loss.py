"""Predictions (B, 1) and targets (B,) broadcast to a table of B times B differences.

*Why is this bad?*
Every prediction is compared with every target. The best answer to that is the mean of all targets,
so the model learns a constant, the loss stops at their variance, and nothing raises an error.

*What to do*
Make the shapes equal before the loss:

    loss = loss_fn(prediction, targets.unsqueeze(1))

or take the spare dimension from the prediction: ``prediction.squeeze(1)``.

*When it is wrong*
Broadcasting one value or one column against a table is left alone ([B, 1] against [B, Q] quantiles,
a constant target). Only shapes in which both sides grow are named, and never where the extra
dimension was made on the spot with ``unsqueeze`` or ``view``.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Graph, Loss, Node, Record

SEVERITY = Severity.WRONG
EXPLAINS = ("collapsed-output", "flat-loss", "regression-on-classes")

ELEMENTWISE = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss", "poisson_nll_loss",
    "kl_div", "soft_margin_loss",
)  # fmt: skip
NEAR = 12  # nodes behind the loss among which the difference of a hand-written loss is looked for
DIFFERENCES = ("SubBackward0", "RsubBackward0")
RESHAPED = ("UnsqueezeBackward0", "ViewBackward0", "UnsafeViewBackward0", "ExpandBackward0", "IndexBackward0")


def check(record: Record) -> Iterator[Finding]:
    """Two shapes at a loss that both grow when broadcast."""
    called = [(v, e) for v, e in record.events(Loss) if _grows(e)]
    for seen in sightings(called):
        yield _say_called(seen)
    written = [(v, e) for v, e in record.events(Backward) if not e.losses]
    for seen in sightings(written):
        graphs = [(v, e) for v, e in seen.events if e.graph is not None]
        if graphs and all(_table(e.graph) for _, e in graphs):  # kept only where it changes
            yield _say_written(Sighting([graphs[0], *seen.events[1:]]))


def broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that two shapes broadcast to, None if they do not."""
    longer = max(len(left), len(right))
    sides = zip((1,) * (longer - len(left)) + left, (1,) * (longer - len(right)) + right, strict=True)
    shape: list[int] = []
    for one, other in sides:
        if one != other and 1 not in (one, other):
            return None
        shape.append(max(one, other))
    return tuple(shape)


def _grows(loss: Loss) -> bool:
    if loss.function not in ELEMENTWISE or loss.prediction is None or loss.target is None:
        return False
    left, right = loss.prediction.shape, loss.target.shape
    shape = broadcast(left, right)
    return shape is not None and prod(shape) > max(prod(left), prod(right))


def _table(graph: Graph | None) -> Node | None:
    """A difference of (B, B) made of a prediction of (B, 1) or (B,), right behind the loss."""
    for place, node in enumerate(graph.nodes[:NEAR] if graph is not None else ()):
        if node.name in DIFFERENCES and len(node.shape) == 2 and node.shape[0] == node.shape[1] > 1:
            size = node.shape[0]
            inputs = [graph.nodes[i] for i in node.inputs if 0 <= i < len(graph.nodes)] if graph else []
            one = inputs[0] if len(inputs) == 1 and -1 in node.inputs else None
            if one is not None and one.shape in ((size, 1), (size,)) and one.name not in RESHAPED:
                return graph.nodes[place] if graph else None
    return None


def _say_called(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    left = first.prediction.shape if first.prediction else ()
    right = first.target.shape if first.target else ()
    shape = broadcast(left, right) or ()
    return _say(seen, left, right, shape, first.function)


def _say_written(seen: Sighting[Backward]) -> Finding:
    node = _table(seen.first.graph)
    size = node.shape[0] if node else 0
    return _say(seen, (size, 1), (size,), (size, size), "the difference behind this loss")


def _say(
    seen: Sighting[Loss] | Sighting[Backward], left: tuple[int, ...], right: tuple[int, ...],
    shape: tuple[int, ...], name: str,
) -> Finding:  # fmt: skip
    fix = "targets.unsqueeze(1)" if len(left) > len(right) else "prediction.unsqueeze(1)"
    return seen.finding(
        message=f"{name}: prediction {left} and targets {right} broadcast to {shape}",
        cause="every prediction is compared with every target, so the best answer is one constant",
        fix=f"make the shapes equal: `{fix}`",
        evidence={"prediction": str(left), "targets": str(right), "broadcast": str(shape)},
    )


def sick(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets.squeeze(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model, loss_fn = practice.model(nn.Linear(4, 1)), practice.loss("mse_loss")
    optimizer = practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
