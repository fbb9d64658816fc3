"""Samples of a batch influence each other: the batch is taken for time, or folded into another axis.

*Why is this bad?*
The prediction for one sample then depends on its chance neighbours in the batch. The loss still
falls a little, and in use, where the neighbours are others or none, the answers change.

*What to do*
``nn.RNN``, ``nn.LSTM``, ``nn.GRU``, ``nn.MultiheadAttention`` and ``nn.Transformer`` take (time,
batch, features) unless they are told:

    self.rnn = nn.LSTM(5, 8, batch_first=True)

``view`` and ``reshape`` merge neighbouring axes and never swap them: use ``transpose`` or
``permute`` for that.

*When it is wrong*
BatchNorm, attention and statistics over the batch, graphs and shuffles inside the model mix samples
on purpose. So only the layers above with their axes mixed up are named, and models made of nothing
but row-wise operations and views in which one output still depends on other samples.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from fivestep.finding import Fact, Finding, Severity, Sighting, sightings
from fivestep.practice import Practice
from fivestep.vitals import Backward, Batch, Forward, Graph, ModuleRun, Node, Record, Vitals

SEVERITY = Severity.WRONG
NEEDS = ("forward",)
EXPLAINS = ("flat-loss", "collapsed-output")
WITHOUT = {"compile": "a compiled forward hides the layers and axes inside it"}

FORWARDS = 2  # of a training, before anything is said
RECURRENT = ("RNN", "LSTM", "GRU")
VIEWS = ("ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "_ReshapeAliasBackward0")
SEQUENCES = ("RNN", "LSTM", "GRU", "MultiheadAttention")
WEIGHTED = ("AddmmBackward0", "MmBackward0", "ConvolutionBackward0")
REDUCING = ("Mean", "Sum", "Max", "Amax", "AdaptiveAvgPool", "AvgPool", "MkldnnAdaptive")
# Operations after which a row still depends on itself alone, by the beginning of their names.
BY_ROW = (
    "AccumulateGrad", "T", "View", "UnsafeView", "ReshapeAlias", "Transpose", "Permute", "Clone",
    "Squeeze", "Unsqueeze", "Select", "Slice", "Expand", "Split", "Unbind", "Stack", "Cat", "Alias",
    "Add", "Sub", "Mul", "Div", "Neg", "Relu", "LeakyRelu", "Elu", "Gelu", "Silu", "Tanh", "Sigmoid",
    "Softplus", "Softmax", "LogSoftmax", "Hardtanh", "Embedding", "NativeDropout", "NativeLayerNorm",
    "MkldnnRnn", "Convolution", "MaxPool", "ToCopy", *REDUCING,
)  # fmt: skip


def check(record: Record) -> Iterator[Finding]:
    """A sequence layer that takes the batch for time; else what the probe found."""
    swapped = [(v, f) for v, f in _training(record) if _swapped(record, v, f) is not None]
    for seen in sightings(swapped):
        if seen.count >= FORWARDS:
            yield _say_swapped(seen, record)
    folded = [(v, f) for v, f in _training(record) if _folded(record, f)]
    for seen in sightings(folded) if not swapped else ():
        if seen.count >= FORWARDS:
            yield _say_folded(seen, record)
    viewed = [(v, f) for v, f in _training(record) if _viewed(record, f)]
    for seen in sightings(viewed) if not swapped and not folded else ():
        if seen.count >= FORWARDS:
            yield _say_viewed(seen, record)
    if not swapped and not folded and not viewed and len(record.optimizers) < 2:
        for seen in sightings((v, f) for v, f in _training(record) if _mixes(record, f)):
            yield _say_mixed(seen)


def _training(record: Record) -> Iterator[tuple[Vitals, Forward]]:
    for vitals, forward in record.events(Forward):
        if forward.backward and forward.modules and forward.inputs and forward.outputs:
            yield vitals, forward


def _swapped(record: Record, vitals: Vitals, forward: Forward) -> ModuleRun | None:
    """The layer whose first axis is the batch, though it takes that for time."""
    output = forward.outputs[0].shape
    for run in forward.modules or ():
        if run.kind not in SEQUENCES or run.batch_first is not False or run.input is None:
            continue
        shape = run.input.shape
        if _takes_for_time(shape, output) or _is_batch(record, vitals, shape, output):
            return run
    return None


def _takes_for_time(given: tuple[int, ...], output: tuple[int, ...]) -> bool:
    """(batch, time, features) given, one answer for each of the first axis."""
    if len(given) != 3 or len(output) not in (1, 2) or given[1] < 2 or given[0] < 2:
        return False
    per_step = output[1:] == given[1:2]  # (time, batch) answers are what they look like
    return output[0] == given[0] != given[1] and not per_step


def _is_batch(
    record: Record, vitals: Vitals, given: tuple[int, ...], output: tuple[int, ...]
) -> bool:
    """(batch, features) given, which it takes for one sequence; a loader shuffled those rows."""
    batches = [batch for batch in vitals.of(Batch) if batch.tensors]
    if len(given) != 2 or not batches or given[0] < 2 or output[:1] != given[:1]:
        return False
    loader = record.loaders[batches[-1].loader]
    return loader.shuffles and batches[-1].tensors[0].shape == given


def _folded(record: Record, forward: Forward) -> Node | None:
    """A view that puts the batch, the second axis behind a recurrent layer, first: no transpose."""
    rows = forward.outputs[0].shape[0] if forward.outputs[0].shape else 0
    graph = _graph_of(record, forward)
    if graph is None or rows < 2 or not _reads(forward, rows):
        return None
    for node in graph.nodes:
        if node.name in VIEWS and node.shape[:1] == (rows,) and node.inputs[0] >= 0:
            before = graph.nodes[node.inputs[0]].shape if node.inputs[0] < len(graph.nodes) else ()
            if len(before) > 2 and before[1] == rows and before[0] not in (1, rows):
                return node
    return None


def _reads(forward: Forward, rows: int) -> bool:
    """A recurrent layer ran on that batch, and so its states are (layers, batch, features)."""
    given = [
        (run.input.shape, 0 if run.batch_first else 1)
        for run in forward.modules or ()
        if run.kind in RECURRENT and run.input is not None
    ]
    return any(len(shape) == 3 and shape[axis] == rows for shape, axis in given)


def _viewed(record: Record, forward: Forward) -> ModuleRun | None:
    """A sequence layer whose input is a view that exchanges the sizes of two axes, not the axes."""
    rows, graph = forward.outputs[0].shape[:1], _graph_of(record, forward)
    for run in forward.modules or ():
        given = run.input
        if given is None or run.kind not in SEQUENCES or run.batch_first is None:
            continue
        batch = given.shape[:1] if run.batch_first else given.shape[1:2]
        before = _exchanged(given.shape)
        if not before or batch != rows:
            continue
        # Both in the order of their axes, in the same memory: nothing was moved in between.
        alike = any(
            one.shape == before and one.identity == given.identity and one.packed and given.packed
            for one in forward.inputs
        )
        if alike or (graph is not None and _is_view(graph, before, given.shape)):
            return run
    return None


def _exchanged(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape with its first two of three sizes exchanged, () where that would change nothing."""
    if len(shape) != 3 or shape[0] == shape[1] or 1 in shape[:2]:
        return ()
    return (shape[1], shape[0], shape[2])


def _is_view(graph: Graph, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    return any(
        node.name in VIEWS
        and node.shape == after
        and any(one.shape == before for one in graph.behind(place))
        for place, node in enumerate(graph.nodes)
    )


def _graph_of(record: Record, forward: Forward) -> Graph | None:
    graphs = (
        e.graph for _, e in record.events(Backward) if e.graph and e.forwards == (forward.at,)
    )
    return next(graphs, None)


def _mixes(record: Record, forward: Forward) -> bool:
    influence, output = forward.influence, forward.outputs[0].shape
    numbers = forward.outputs[0].numbers
    if numbers is not None and not numbers.finite:  # a NaN reaches everything, and tells nothing
        return False
    if influence is None or len(output) not in (1, 2) or output[0] in output[1:]:
        return False
    axes = [axis for axis, side in enumerate(influence.shape) if side == output[0]]
    if len(axes) != 1 or output[0] not in forward.inputs[0].shape[:2]:
        return False
    if not any(influence.touched):  # every unit of this sample is off
        return False
    alone = influence.touched[axes[0]] == 1 and influence.lowest[axes[0] : axes[0] + 1] == (0,)
    return not alone and _row_by_row(record, forward, output[0])


def _row_by_row(record: Record, forward: Forward, rows: int) -> bool:
    """Nothing in the model but views could mix samples."""
    graphs = [
        e.graph for _, e in record.events(Backward) if e.graph and e.forwards == (forward.at,)
    ]
    if (
        not graphs
        or not graphs[0].complete
        or any(one.kind in SEQUENCES for one in forward.modules or ())
    ):
        return False
    graph = graphs[0]
    top = next((place for place, node in enumerate(graph.nodes) if node.name in WEIGHTED), None)
    if top is None or not all(_begins(name) for name in forward.outputs[0].behind):
        return False
    return all(_keeps_rows(graph, graph.nodes[place], rows) for place in _below(graph, top))


def _begins(name: str) -> bool:
    plain = name.rstrip("0123456789").removesuffix("Backward")
    return (
        plain in WEIGHTED or name in WEIGHTED or plain.startswith(BY_ROW[2:]) or plain in BY_ROW[:2]
    )


def _keeps_rows(graph: Graph, node: Node, rows: int) -> bool:
    if not _begins(node.name) or node.shape.count(rows) > 1:
        return False
    if node.name.startswith("Convolution"):
        return node.shape[:1] == (rows,)
    if node.name.startswith(REDUCING):
        return len(node.shape) > 1 and rows in node.shape
    return node.name not in WEIGHTED or sum(_leaf(graph, place) for place in node.inputs[-2:]) == 1


def _leaf(graph: Graph, place: int) -> bool:
    """A parameter lies there, or its transpose."""
    while place >= 0:
        node = graph.nodes[place]
        if node.name == "AccumulateGrad":
            return True
        if len(node.inputs) != 1 or not node.name.startswith(("T", "Permute", "View")):
            return False
        place = node.inputs[0]
    return False


def _below(graph: Graph, top: int) -> set[int]:
    near, below = [top], set[int]()
    while near:
        place = near.pop()
        if place >= 0 and place not in below:
            below.add(place)
            near += graph.nodes[place].inputs
    return below


def _say_swapped(seen: Sighting[Forward], record: Record) -> Finding:
    vitals, first = seen.events[0]
    run = _swapped(record, vitals, first)
    given = run.input.shape if run is not None and run.input is not None else ()
    kind, name = (run.kind, run.name) if run is not None else ("", "")
    axes = "(time, batch, features)" if len(given) == 3 else "one sequence (time, features)"
    evidence: dict[str, Fact] = {
        "layer": name,
        "input": str(given),
        "output": str(first.outputs[0].shape),
    }
    return seen.finding(
        message=f"{kind} {name} takes {given} for {axes}, and {given[0] if given else 0} is the batch",
        cause="without batch_first=True the first axis is time: each sample is read as a step of the last",
        fix=f"`nn.{kind}(..., batch_first=True)`"
        if len(given) == 3
        else "give each row its own sequence: `x.unsqueeze(1)` with batch_first=True",
        evidence=evidence,
    )


def _say_folded(seen: Sighting[Forward], record: Record) -> Finding:
    node = _folded(record, seen.first)
    graph = _graph_of(record, seen.first)
    assert node is not None
    assert graph is not None
    before = graph.nodes[node.inputs[0]].shape
    return seen.finding(
        message=f"a view makes {node.shape} of {before}, in which the batch of {before[1]} is the second axis",
        cause="a view or reshape folds the batch into another axis: it merges neighbours and swaps nothing",
        fix="bring the batch to the front before it: `.transpose(0, 1).reshape(batch, -1)`",
        evidence={"before": str(before), "after": str(node.shape), "batch": before[1]},
    )


def _say_viewed(seen: Sighting[Forward], record: Record) -> Finding:
    run = _viewed(record, seen.first)
    assert run is not None
    assert run.input is not None
    after, before = run.input.shape, _exchanged(run.input.shape)
    batch = after[0] if run.batch_first else after[1]
    return seen.finding(
        message=f"{run.kind} {run.name} reads a view {after} of {before}: each of its {batch} sequences "
        "is made of several samples",
        cause="a view or reshape exchanges the sizes of batch and time and leaves every number where it was",
        fix="exchange the axes themselves: `.transpose(0, 1)`",
        evidence={"layer": run.name, "before": str(before), "after": str(after), "batch": batch},
    )


def _say_mixed(seen: Sighting[Forward]) -> Finding:
    first = seen.first
    influence = first.influence
    assert influence is not None
    axis = influence.shape.index(first.outputs[0].shape[0])
    count, lowest = influence.touched[axis], influence.lowest[axis]
    which = f"{count} samples" if count > 1 else f"sample {lowest}"
    return seen.finding(
        message=f"the output of sample 0 depends on {which} of the batch (seen at {influence.module})",
        cause="a view or reshape folds the batch into another axis: it merges neighbours and swaps nothing",
        fix="swap axes with `transpose` or `permute` before the `view` or `reshape`",
        evidence={
            "samples": count,
            "first_sample": lowest,
            "layer": influence.module,
            "shape": str(influence.shape),
        },
    )


def sick(practice: Practice) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(4, 8), nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.rnn(x)[0][:, -1])

    model = practice.model(Reader())
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification(28):
        loss = loss_fn(model(inputs.view(-1, 7, 4)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.head = nn.GRU(4, 8, batch_first=True), nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.rnn(x)[0][:, -1])

    model = practice.model(Reader())
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification(28):
        loss = loss_fn(model(inputs.view(-1, 7, 4)), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
