"""Probabilities are given to a loss that expects logits.

*Why is this bad?*
``cross_entropy`` and ``binary_cross_entropy_with_logits`` apply the softmax or sigmoid themselves.
Applied twice it flattens everything: the loss cannot fall below ln(e + C - 1) - 1 (1.461 for ten
classes, 0.313 for two), gradients shrink, and the model still reaches some accuracy, so nobody
looks here.

*What to do*
Give the loss the raw output of the last layer, and take the softmax only where you read
probabilities:

    loss = F.cross_entropy(logits, targets)

*When it is wrong*
``log_softmax`` before ``cross_entropy`` is harmless (it changes nothing) and is not named. A focal
loss takes the probability beside the loss, not before it, and is not named either.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
"""

from __future__ import annotations

from collections.abc import Iterator
from math import e, log

from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Graph, Loss, Node, Record, TensorFacts
from fivestep.vitals.operations import MOVING, is_hidden, made_by, with_graphs

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = (
    "vanishing-gradient", "flat-loss", "tiny-update", "collapsed-output", "unreachable-target",
    "dead-units",
)  # fmt: skip

SOFTMAX, LOG_SOFTMAX = "SoftmaxBackward0", "LogSoftmaxBackward0"
SQUASHES = {SOFTMAX: "softmax", "SigmoidBackward0": "sigmoid", "HardsigmoidBackward0": "sigmoid"}
OVER_CLASSES, OF_ONE = "cross_entropy", "binary_cross_entropy_with_logits"
SUM_ERROR = 1e-2  # a row of bfloat16 probabilities sums to 1 within this
NEAR = 12  # operations behind a loss written by hand in which a log_softmax is looked for
CALLS = 8  # with all values in 0..1, where the operations are compiled away: logits leave it sooner


def check(record: Record) -> Iterator[Finding]:
    """What goes into the loss is a probability already."""
    trained = [(v, one) for v, one in record.events(Loss) if one.backward is not False]
    squashed = [(v, one) for v, one in trained if _squashed(one)]
    for seen in sightings(squashed):
        yield _say(seen)
    for seen in sightings((v, one) for v, one in trained if _looks_squashed(one)):
        if seen.count >= CALLS and all(
            _looks_squashed(one) for _, one in trained if one.site == seen.first.site
        ):
            yield _say(seen)
    named = {one.at for _, one in squashed}
    said = {e.site for _, e in record.events(Backward) if named.intersection(e.losses or ())}
    written = [
        (v, one)
        for v, one in with_graphs(record)
        if one.site not in said and _twice(one.graph) is not None
    ]
    for seen in sightings(written):
        yield _say_written(seen)


def _squashed(loss: Loss) -> bool:
    given = loss.prediction
    if given is None or not given.requires_grad:
        return False
    if loss.function == OVER_CLASSES:
        return made_by(given) in SQUASHES or _sums_to_one(given)
    if loss.function == OF_ONE:
        return made_by(given) in SQUASHES or _is_sigmoid_by_hand(given)
    if loss.function == "nll_loss":
        names = [name for name in given.behind if name not in MOVING]
        return names[:2] == [LOG_SOFTMAX, SOFTMAX]
    return False


def _sums_to_one(prediction: TensorFacts) -> bool:
    """However they were made: no logits of several rows sum to one each."""
    numbers = prediction.numbers
    if numbers is None or numbers.lowest < 0 or numbers.distinct < 3 or prediction.shape[0] < 2:
        return False
    low, high = numbers.row_sums
    return abs(low - 1) < SUM_ERROR and abs(high - 1) < SUM_ERROR


def _is_sigmoid_by_hand(prediction: TensorFacts) -> bool:
    """1 / (1 + exp(-x))."""
    names = [name.removesuffix("Backward0") for name in prediction.behind if name not in MOVING]
    inverse = next((i for i, name in enumerate(names[:2]) if name in ("Reciprocal", "Div")), None)
    return inverse is not None and names[inverse + 1 : inverse + 4] == ["Add", "Exp", "Neg"]


def _looks_squashed(loss: Loss) -> bool:
    """Compiled: the operations cannot be read, the values can."""
    given, numbers = loss.prediction, loss.prediction.numbers if loss.prediction else None
    if loss.function != OF_ONE or given is None or numbers is None or not given.requires_grad:
        return False
    return is_hidden(given) and numbers.lowest > 0 and numbers.highest < 1 and numbers.distinct > 2


def _twice(graph: Graph | None) -> Node | None:
    """A log_softmax of a softmax, in a loss that was written by hand."""
    nodes = graph.nodes if graph is not None else ()
    for node in nodes[:NEAR]:
        if node.name != LOG_SOFTMAX:
            continue
        behind = node
        while len(behind.inputs) == 1 and 0 <= behind.inputs[0] < len(nodes):
            behind = nodes[behind.inputs[0]]
            if behind.name not in MOVING:
                break
        if behind.name == SOFTMAX:
            return behind
    return None


def _say(seen: Sighting[Loss]) -> Finding:
    first = seen.first
    name = SQUASHES.get(
        made_by(first.prediction), "softmax" if first.function == OVER_CLASSES else "sigmoid"
    )
    shape = first.prediction.shape if first.prediction else ()
    own = "sigmoid" if first.function == OF_ONE else "softmax"
    classes = shape[1] if own == "softmax" and len(shape) > 1 else 2
    evidence: dict[str, Fact] = {}
    numbers = first.prediction.numbers if first.prediction else None
    if numbers is not None:
        evidence |= {"lowest": round(numbers.lowest, 4), "highest": round(numbers.highest, 4)}
    if first.function == "nll_loss":
        return _finding(seen, "log_softmax", "softmax", "softmax", classes, evidence)
    return _finding(seen, first.function, name, own, classes, evidence)


def _say_written(seen: Sighting[Backward]) -> Finding:
    node = _twice(seen.first.graph)
    classes = node.shape[1] if node is not None and len(node.shape) > 1 else 2
    return _finding(seen, "log_softmax", "softmax", "softmax", classes, {})


def _finding(
    seen: Sighting[Loss] | Sighting[Backward], taker: str, name: str, own: str, classes: int,
    evidence: dict[str, Fact],
) -> Finding:  # fmt: skip
    floor = log(e + classes - 1) - 1
    twice = f"{name} applied twice" if name == own else f"{own} applied to a {name}"
    return seen.finding(
        message=f"{taker} is given the output of a {name}, and takes the {own} itself",
        cause=f"with {twice} the loss cannot fall below {floor:.3f} and gradients shrink",
        fix=f"remove the {name} before the loss; give it the output of the last layer",
        evidence={
            "input_made_by": name,
            "classes": classes,
            "loss_floor": round(floor, 3),
            **evidence,
        },
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 3), nn.Softmax(dim=1)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Linear(8, 3))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
