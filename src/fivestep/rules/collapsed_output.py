"""The output is the same whatever the input.

*Why is this bad?*
A prediction that does not depend on the input can at best be the mean of the targets. The loss falls
to their variance and stays there, and nothing raises an error.

*What to do*
Look for the first layer whose output is the same for two different inputs (the finding names it
where it can). The usual ones: softmax or a normalisation over a single value, a mean over the batch
instead of the features, far too much weight decay. For one output and two classes:

    nn.Linear(16, 1)  # and binary_cross_entropy_with_logits, no softmax

*When it is wrong*
Inputs and targets must differ in the batch, and the rows of the output be equal to float precision
in the last iterations, not only in the first ones: a head of zeros parts after one update. Very deep
stacks are left to vanishing-gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting
from fivestep.practice import Practice
from fivestep.vitals import (
    Backward,
    Forward,
    Graph,
    Loss,
    ModuleRun,
    Numbers,
    Record,
    Site,
    TensorFacts,
    Vitals,
)

SEVERITY = Severity.WRONG
NEEDS = ("loss",)
EXPLAINS = ("gradientless-parameter", "tiny-update", "flat-loss", "unreachable-target")

# Spread over the rows to the largest value. Sound networks of 2 to 10 layers, four activations, SGD
# and Adam: 4e-5 and more after 24 updates. Constant ones: 1e-7 and less.
SPREAD = 1e-6
VARIES = 1e-3  # std of a column over the rows; the noise of a constant is 1e-7 of its size
LAST = 5  # detailed iterations at the end, all collapsed
OVER_CLASSES = ("cross_entropy", "nll_loss")
ROWS = 4  # of a batch: fewer say little
DEEP = 8  # activations in a row: a signal that dies over depth has a rule of its own
ACTIVATIONS = (
    "Relu",
    "Sigmoid",
    "Tanh",
    "Gelu",
    "Silu",
    "Elu",
    "LeakyRelu",
    "Softplus",
    "Hardtanh",
)

UNSOLVED = 0.05  # of the first loss: below it a constant may be the right answer, targets unknown


class Answer(NamedTuple):
    """What a model said to a batch, and what was wanted (None: a loss written by hand hides it)."""

    vitals: Vitals
    event: Loss | Backward
    forward: Forward | None
    prediction: TensorFacts
    target: TensorFacts | None


def check(record: Record) -> Iterator[Finding]:
    """The last predictions at a loss are equal in all rows, and inputs and targets are not."""
    by_site: dict[Site | None, list[Answer]] = {}
    for answer in (*_scored(record), *(_written(record) if _unsolved(record) else ())):
        if answer.prediction.numbers is not None:
            by_site.setdefault(answer.event.site, []).append(answer)
    for answers in by_site.values():
        last = answers[-LAST:]
        if len(last) == LAST and all(_collapsed(one) for one in last) and not _deep(record):
            yield _say(last)


def _scored(record: Record) -> Iterator[Answer]:
    """Predictions given to a loss function that a backward came through."""
    for vitals, loss in record.events(Loss):
        if loss.backward and loss.prediction is not None and loss.target is not None:
            ran = [
                one for one in vitals.of(Forward) if one.model == loss.model and one.at < loss.at
            ]
            yield Answer(vitals, loss, ran[-1] if ran else None, loss.prediction, loss.target)


def _written(record: Record) -> Iterator[Answer]:
    """Outputs of the one forward behind a loss that is written by hand."""
    for vitals, backward in record.events(Backward):
        if backward.losses == () and backward.forwards is not None and len(backward.forwards) == 1:
            for forward in vitals.of(Forward):
                if forward.at == backward.forwards[0] and forward.outputs:
                    yield Answer(vitals, backward, forward, forward.outputs[0], None)


def _unsolved(record: Record) -> bool:
    series = record.training()
    if series is None or len(record.optimizers) != 1:
        return False
    return series.values[-1] > UNSOLVED * series.values[0] > 0


def _collapsed(answer: Answer) -> bool:
    prediction, target, forward = answer.prediction, answer.target, answer.forward
    if (
        len(prediction.shape) == 1
        and isinstance(answer.event, Loss)
        and answer.event.function in OVER_CLASSES
    ):
        return False  # one sample, or one list of candidates: a single row
    if prediction.shape[:1] < (ROWS,) or (
        target is not None and prediction.shape[:1] != target.shape[:1]
    ):
        return False
    asked = forward.inputs[0] if forward is not None and forward.inputs else None
    return _varies(asked) and (target is None or _varies(target)) and _constant(prediction)


def _varies(facts: TensorFacts | None) -> bool:
    return facts is not None and facts.numbers is not None and _spread(facts.numbers) > SPREAD


def _constant(facts: TensorFacts) -> bool:
    """To float precision; to the last bit where precision is low."""
    if facts.numbers is None or not facts.numbers.finite:
        return False
    if facts.numbers.feature_stds[1] > VARIES:  # beside a column masked with -1e9
        return False
    return _spread(facts.numbers) <= (SPREAD if facts.dtype in ("float32", "float64") else 0)


def _spread(numbers: Numbers) -> float:
    largest = max(abs(numbers.lowest), abs(numbers.highest))
    return numbers.spread / largest if largest else 0.0


def _deep(record: Record) -> bool:
    graphs = [event.graph for _, event in record.events(Backward) if event.graph is not None]
    return any(_activations(graph) >= DEEP for graph in graphs[-1:])


def _activations(graph: Graph) -> int:
    return sum(node.name.startswith(ACTIVATIONS) for node in graph.nodes)


def _say(answers: list[Answer]) -> Finding:
    last = answers[-1]
    numbers, rows = last.prediction.numbers, last.prediction.shape[0]
    evidence: dict[str, Fact] = {"rows": rows, "spread": _spread(numbers) if numbers else 0.0}
    if numbers is not None:
        evidence |= {"lowest": numbers.lowest, "highest": numbers.highest}
    layer = _first_constant(last.forward)
    if layer is not None:
        evidence["first_constant_layer"] = f"{layer.name} ({layer.kind})"
    return Sighting([(one.vitals, one.event) for one in answers]).finding(
        message=f"the predictions for {rows} different inputs are all the same{_value(numbers)}",
        cause=_cause(layer),
        fix=f"change {_called(layer)}"
        if layer
        else "compare the output of each layer for two inputs; "
        "the first that is equal is the one to change",
        evidence=evidence,
    )


def _value(numbers: Numbers | None) -> str:
    one = numbers is not None and abs(numbers.highest - numbers.lowest) <= SPREAD * abs(
        numbers.highest
    )
    return f" ({numbers.highest:.4g})" if one and numbers is not None else ""


def _first_constant(forward: Forward | None) -> ModuleRun | None:
    """The first layer whose output no longer depends on the row, though its input does."""
    runs = forward.modules if forward is not None and forward.modules else ()
    for run in runs:
        if (
            run.leaf
            and run.output is not None
            and len(run.output.shape) > 1
            and _constant(run.output)
        ):
            return run
    return None


def _called(layer: ModuleRun) -> str:
    return f"`{layer.name}` ({layer.kind})" if layer.name else layer.kind


def _cause(layer: ModuleRun | None) -> str:
    if layer is None:
        return "nothing of the input reaches the output"
    over_one = layer.output is not None and layer.output.shape[-1] == 1
    if over_one and layer.kind in ("Softmax", "LogSoftmax", "LayerNorm"):
        return f"a {layer.kind} over a single value is a constant"
    return f"nothing of the input comes through {_called(layer)}"


def sick(practice: Practice) -> None:
    model = practice.model(
        nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1), nn.LayerNorm(1))
    )
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(
        nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.Tanh(), nn.Linear(16, 1))
    )
    loss_fn, optimizer = practice.loss("mse_loss"), practice.optimizer(model)
    for inputs, targets in practice.regression():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
