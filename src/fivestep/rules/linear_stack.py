"""Several layers with weights and no activation between them: together they are one linear map.

*Why is this bad?*
A linear map of a linear map is a linear map. Two layers or ten, the model can draw no other line
than a single layer could, and is only slower to train. Mostly the activation was made in
``__init__`` and never called.

*What to do*
Put an activation after each layer but the last:

    x = self.fc1(x).relu()

*When it is wrong*
Only models that are linear from the first weight to the last are named. A layer narrower than both
its ends (a linear autoencoder, a low-rank or factorised layer), a map applied again and again (a
linear dynamical system), embeddings and normalisations are left alone. For the study of deep linear
networks: ``# fivestep: ignore[linear-stack]``.

Source: Goodfellow, Bengio, Courville, Deep Learning (2016), section 6.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, prod
from typing import NamedTuple

from torch import nn

from fivestep.finding import Finding, Severity, Sighting
from fivestep.practice import Practice
from fivestep.vitals import Backward, Forward, Graph, Node, Record, Site, Vitals

SEVERITY = Severity.SUSPICIOUS
EXPLAINS = ("flat-loss",)

WEIGHTED = ("AddmmBackward0", "MmBackward0", "ConvolutionBackward0")
MOVING = (
    "TBackward0", "TransposeBackward0", "PermuteBackward0", "ViewBackward0", "UnsafeViewBackward0",
    "ReshapeAliasBackward0", "SqueezeBackward0", "SqueezeBackward1", "UnsqueezeBackward0",
    "ExpandBackward0", "CloneBackward0", "AliasBackward0", "ToCopyBackward0",
)  # fmt: skip
LINEAR = (
    *WEIGHTED, *MOVING, "AccumulateGrad", "AddBackward0", "SubBackward0", "NegBackward0",
    "SliceBackward0", "SelectBackward0", "CatBackward0", "MeanBackward0", "MeanBackward1",
    "SumBackward0", "SumBackward1", "AvgPool1DBackward0", "AvgPool2DBackward0",
    "MkldnnAdaptiveAvgPool2DBackward0", "AdaptiveAvgPool2DBackward0", "NativeDropoutBackward0",
)  # fmt: skip
SCALING = ("MulBackward0", "DivBackward0")  # linear where one side is a constant
GRAPHS = 2  # of one structure, before anything is said

Seen = tuple[Vitals, Backward]


class Layer(NamedTuple):
    """A layer with weights in the graph."""

    parameter: int
    outputs: float
    inputs: float


def check(record: Record) -> Iterator[Finding]:
    """Below the last layer there are other layers, and nothing that is not linear."""
    by_site: dict[Site | None, list[Seen]] = {}
    for vitals, backward in record.events(Backward):
        if backward.graph is not None and not backward.error:
            by_site.setdefault(backward.site, []).append((vitals, backward))
    for seen in by_site.values():
        stacks = [
            _stack(backward.graph, record) for _, backward in seen if backward.graph is not None
        ]
        if len(stacks) >= GRAPHS and all(stacks):
            yield _say(seen, stacks[0], record)


def _stack(graph: Graph, record: Record) -> list[Layer]:
    """The layers of a model that is linear as a whole, the last one first."""
    weighted = [place for place, node in enumerate(graph.nodes) if node.name in WEIGHTED]
    below = _below(graph, weighted[0]) if weighted and graph.complete else set[int]()
    if len(weighted) < 2 or not set(weighted) <= below:
        return []
    if not all(_linear(graph, graph.nodes[place]) for place in below):
        return []
    layers = [_layer(graph, place, record) for place in weighted]
    found = [one for one in layers if one is not None]
    again = len({one.parameter for one in found}) < len(found)
    return [] if len(found) < len(layers) or again or _narrow(found) else found


def _below(graph: Graph, top: int) -> set[int]:
    near, below = [top], set[int]()
    while near:
        place = near.pop()
        if place >= 0 and place not in below:
            below.add(place)
            near += graph.nodes[place].inputs
    return below


def _linear(graph: Graph, node: Node) -> bool:
    if node.name in SCALING:
        return sum(place >= 0 for place in node.inputs) == 1
    return node.name in LINEAR and (node.name not in WEIGHTED or _weight(graph, node) is not None)


def _weight(graph: Graph, node: Node) -> int | None:
    """The parameter that a layer multiplies by; None if it multiplies two things that both vary."""
    sides = node.inputs[:2] if node.name != "AddmmBackward0" else node.inputs[1:3]
    leaves = [_leaf(graph, place) for place in sides]
    matrices = [one for one in leaves if one is not None]
    return matrices[0] if len(matrices) == 1 else None


def _leaf(graph: Graph, place: int) -> int | None:
    """The parameter behind transposes and views."""
    while place >= 0:
        node = graph.nodes[place]
        if node.parameter >= 0:
            return node.parameter
        if node.name not in MOVING or len(node.inputs) != 1:
            return None
        place = node.inputs[0]
    return None


def _layer(graph: Graph, place: int, record: Record) -> Layer | None:
    node = graph.nodes[place]
    parameter = _weight(graph, node)
    if parameter is None or not node.shape:
        return None
    convolution = node.name == "ConvolutionBackward0"
    outputs = prod(node.shape[1:]) if convolution else node.shape[-1]
    inputs = inf if convolution else prod(record.parameters[parameter].shape) / max(outputs, 1)
    return Layer(parameter, outputs, inputs)


def _narrow(layers: list[Layer]) -> bool:
    """Some layer between is narrower than both ends: it limits the rank, and may be meant to."""
    ends = min(layers[0].outputs, max(one.inputs for one in layers[1:]))
    return min(one.outputs for one in layers[1:]) < ends


def _say(seen: list[Seen], layers: list[Layer], record: Record) -> Finding:
    first = seen[0][1]
    names = record.names(reversed([one.parameter for one in layers]))
    forwards = first.forwards or ()
    site = next((one.site for _, one in record.events(Forward) if one.at in forwards), first.site)
    return Sighting(seen).finding(
        message=f"{len(layers)} layers ({names}) and no activation between them",
        cause="linear maps in a row are one linear map: the layers before the last add nothing",
        fix="put an activation after each layer but the last: `nn.ReLU()` or `x = self.fc1(x).relu()`",
        evidence={
            "layers": len(layers),
            "outputs": str([int(one.outputs) for one in reversed(layers)]),
        },
        site=site,
    )


def sick(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    model = practice.model(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)))
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
