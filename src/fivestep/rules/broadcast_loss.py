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
a constant target), and so is every table that is meant: both sides learned (ranking, energy
distance), both dimensions made with ``unsqueeze`` or a transpose, a minimum taken over it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from torch import nn

from fivestep.finding import Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.reading import is_name, rewritten
from fivestep.vitals import Backward, Forward, Graph, Loss, Node, Record
from fivestep.vitals.operations import MOVING, broadcast, with_graphs

SEVERITY = Severity.WRONG
EXPLAINS = ("collapsed-output", "flat-loss", "regression-on-classes", "huge-update", "zigzag-loss")

Shape = tuple[int, ...]
Given = dict[int, frozenset[int]]  # the forwards that were looked at, each with its square tables
ELEMENTWISE = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss", "poisson_nll_loss",
    "kl_div", "soft_margin_loss",
)  # fmt: skip
NEAR = 40  # operations behind the loss among which the table of a hand-written one is looked for
DIFFERENCES = ("SubBackward0", "RsubBackward0")
PRODUCTS = ("MulBackward0",)
TOTALS = ("MeanBackward0", "MeanBackward1", "SumBackward0", "SumBackward1")
MADE_ON_PURPOSE = (
    "UnsqueezeBackward0",
    "ExpandBackward0",
    "IndexBackward0",
    "TBackward0",
    "TransposeBackward0",
)
ERRORS = ("Pow", "Abs", "Square", "Mul")
# One number of each row: the value of the action that was chosen.
PICKS = (
    "GatherBackward0", "IndexBackward0", "MaxBackward0", "MinBackward0", "AmaxBackward0",
    "SumBackward1",
)  # fmt: skip
FLATTENED = re.compile(
    r"\.(?:squeeze\((?:-?1)?\)|flatten\(\)|(?:view|reshape)\(-1\))$"
)  # in the source
# Operations that work on each element of a table by itself.
ONE_BY_ONE = (
    "Pow", "Abs", "Square", "Neg", "Log", "Log1P", "Cosh", "Exp", "Sqrt", "Where", "Maximum",
    "Minimum", "Clamp", "Relu", "Threshold", "Softplus", "Sigmoid", "Tanh", "Add", "Sub", "Rsub",
    "Mul", "Div", "ToCopy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Table:
    """A (B, B) table behind a loss, and the shape of what was learned that went into it."""

    learned: Shape
    size: int
    source: int  # the node that it came from


def check(record: Record) -> Iterator[Finding]:
    """Two shapes at a loss that both grow when broadcast."""
    called = [(v, e) for v, e in record.events(Loss) if _grows(e)]
    for seen in sightings(called):
        yield _say_called(seen)
    named = {event.at for _, event in called}
    said = {e.site for _, e in record.events(Backward) if named.intersection(e.losses or ())}
    given = {e.at: _tables(e) for _, e in record.events(Forward) if e.outputs}
    written = [
        (v, e)
        for v, e in with_graphs(record)
        if e.site not in said and _table(e.graph, given) is not None
    ]
    for seen in sightings(written):
        yield _say_written(seen, given)


def _grows(loss: Loss) -> bool:
    if loss.function not in ELEMENTWISE or loss.prediction is None or loss.target is None:
        return False
    return _both_grow(loss.prediction.shape, loss.target.shape)


def _both_grow(left: Shape, right: Shape) -> bool:
    """By accident: one of them has a dimension less. With (B, 1) and (1, B) it is meant."""
    shape = broadcast(left, right)
    grows = shape is not None and prod(shape) > max(prod(left), prod(right))
    return grows and len(left) != len(right)


def _tables(forward: Forward) -> frozenset[int]:
    """Sides of the square tables among what a model is given: signals as long as the batch."""
    shapes = [one.shape for one in (*forward.inputs, *forward.outputs)]
    return frozenset(shape[0] for shape in shapes if _is_square(shape))


def _table(graph: Graph | None, given: Given) -> _Table | None:
    """The table that the loss is the mean or the sum of, if nobody meant it."""
    found: list[_Table] = []
    mixed = False
    for place in _elements(graph) if graph is not None else ():
        node = graph.nodes[place] if graph is not None else Node("", (), ())
        smaller = [i for i in node.inputs if i >= 0 and _smaller(graph, i, node.shape)]
        if len(smaller) > 1:
            return None  # both sides are learned: a table of pairs
        if smaller and -1 not in node.inputs:
            mixed = True  # one more column into a table that is there: a variance, a weight
        elif smaller and (one := _by_accident(graph, node, smaller[0], given)) is not None:
            found.append(one)
    if not found or len({one.learned for one in found}) > 1:
        return None
    return None if mixed and _natural(graph, found[0].size, given) else found[0]


def _natural(graph: Graph | None, size: int, given: Given) -> bool:
    """Rows as long as the batch is large: curves of learned shape are fitted to such rows."""
    if any(size in sides for sides in given.values()):
        return True
    nodes = graph.nodes if graph is not None else ()
    return any(_fits_table(nodes, node) for node in nodes[:NEAR])


def _fits_table(nodes: tuple[Node, ...], error: Node) -> bool:
    """An error of a learned table to another one that is not learned."""
    tables = [nodes[i] for i in error.inputs if 0 <= i < len(nodes) and _is_square(nodes[i].shape)]
    if error.name.endswith("LossBackward0"):
        return bool(tables)
    table_less_known = any(
        one.name in DIFFERENCES
        and -1 in one.inputs
        and all(_is_square(nodes[i].shape) for i in one.inputs if 0 <= i < len(nodes))
        for one in tables
    )
    return error.name.startswith(ERRORS) and table_less_known


def _elements(graph: Graph) -> Iterator[int]:
    """Operations on the elements of a square table, from the loss through means and sums to it."""
    seen, near = {0}, [0] if graph.nodes else []
    while near:
        place = near.pop(0)
        node = graph.nodes[place]
        square = _is_square(node.shape)
        if square and node.name.removesuffix("Backward0").removesuffix("Backward1") in ONE_BY_ONE:
            yield place
        elif square or (len(node.shape) == 1 and node.name not in (*TOTALS, "NegBackward0")):
            continue
        for after in node.inputs:
            if 0 <= after < NEAR and after < len(graph.nodes) and after not in seen:
                seen.add(after)
                near.append(after)


def _is_square(shape: Shape) -> bool:
    return len(shape) == 2 and shape[0] == shape[1] > 1


def _smaller(graph: Graph | None, place: int, shape: Shape) -> bool:
    """A node whose result was broadcast to the table."""
    nodes = graph.nodes if graph is not None else ()
    return place < len(nodes) and 1 < prod(nodes[place].shape) < prod(shape)


def _by_accident(graph: Graph | None, node: Node, place: int, given: Given) -> _Table | None:
    nodes, size = graph.nodes if graph is not None else (), node.shape[0]
    learned = nodes[place]
    if learned.shape not in ((size, 1), (size,)) or learned.name == "AccumulateGrad":
        return None
    if learned.name in MADE_ON_PURPOSE and not _of_each_row(nodes, learned):
        return None
    if node.name in PRODUCTS:  # the other factor is known
        beside = node.beside
        accident = beside is not None and prod(beside) == size and _both_grow(learned.shape, beside)
        return _Table(learned.shape, size, place) if accident else None
    if node.name in DIFFERENCES and _is_output(graph, place, size, given):
        return _Table(learned.shape, size, place)
    return None


def _of_each_row(nodes: tuple[Node, ...], learned: Node) -> bool:
    """``q[torch.arange(B), action]``: one number of each row of a table (B, A)."""
    behind = [nodes[i].shape for i in learned.inputs if 0 <= i < len(nodes)]
    rows = [shape for shape in behind if len(shape) == 2 and shape[:1] == learned.shape]
    return learned.name == "IndexBackward0" and bool(rows) and not _is_square(rows[0])


def _is_output(graph: Graph | None, place: int, size: int, given: Given) -> bool:
    """It is the output of a model, one number for each sample, or made of it number by number.

    Or one number that is taken from each row of it: the value of the action that was chosen.
    """
    nodes, picked = graph.nodes if graph is not None else (), False
    for _ in range(8):
        node = nodes[place]
        if any(at in given for at in node.made):
            row = len(node.shape) == 2 and node.shape[0] == size != node.shape[1]
            return node.shape in ((size, 1), (size,)) or (picked and row)
        behind = [i for i in node.inputs if 0 <= i < len(nodes)]
        if node.name in ("MmBackward0", "AddmmBackward0", "MvBackward0", "LinearBackward0"):
            return not given  # a model written by hand
        normalised = node.name == "SubBackward0" and node.shape[1:] > (1,)  # logits - logsumexp
        if not 0 < len(behind) <= 1 + normalised or nodes[behind[0]].name == "AccumulateGrad":
            return not given and node.name not in MOVING
        picked |= node.name in PICKS
        place = behind[0]
    return False


def _say_called(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    left = first.prediction.shape if first.prediction else ()
    right = first.target.shape if first.target else ()
    return _say(seen, left, right, first.function, "prediction")


def _say_written(seen: Sighting[Backward], given: Given) -> Finding:
    table = _table(seen.first.graph, given)
    assert table is not None
    size = table.size
    other = (size,) if table.learned == (size, 1) else (size, 1)
    return _say(seen, table.learned, other, "this loss", "prediction")


def _say(
    seen: Sighting[Loss] | Sighting[Backward], left: Shape, right: Shape, name: str, who: str
) -> Finding:
    shape = broadcast(left, right) or ()
    place = 1 if len(left) > len(right) else 0
    return seen.finding(
        message=f"{name}: {who} {left} and targets {right} broadcast to {shape}",
        cause="every prediction is compared with every target, so the best answer is the same for every input",
        fix=f"make the shapes equal: `{_equal(seen, place)}`",
        evidence={"prediction": str(left), "targets": str(right), "broadcast": str(shape)},
    )


def _equal(seen: Sighting[Loss] | Sighting[Backward], place: int) -> str:
    """The user's line with the shorter side made as long as the other."""
    site = seen.first.site if isinstance(seen.first, Loss) else None
    line = rewritten(site, lambda given: [_longer(one) if at == place else one
                                          for at, one in enumerate(given)])  # fmt: skip
    return line or ("prediction.unsqueeze(1)", "targets.unsqueeze(1)")[place]


def _longer(text: str) -> str:
    """With a dimension more at the end: without what took it away, if that can be read."""
    left_out = FLATTENED.sub("", text)
    if left_out != text:
        return left_out
    return f"{text}.unsqueeze(1)" if is_name(text) else f"({text}).unsqueeze(1)"


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
