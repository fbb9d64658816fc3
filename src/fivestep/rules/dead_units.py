"""The units of a layer are dead (ReLU) or saturated (sigmoid, tanh): no gradient comes through.

*Why is this bad?*
Where ReLU gives 0 for every row, and sigmoid or tanh sit at an end, the slope is 0. Everything
before that layer stops learning, and the layer cannot recover by itself.

*What to do*
Find what pushed the units there: a rate far too high (take a tenth), biases or weights that start
far from 0, inputs that are not scaled. Then

    nn.init.zeros_(layer.bias)

and, where units keep dying, ``nn.LeakyReLU`` or a normalisation before the activation.

*When it is wrong*
A hinge in a loss is 0 once its margin is met, and the last sigmoid or tanh of a model may sit at its
ends: only activations that a layer with weights follows are judged. Layers that die in part while
they train (sparse codes) are left alone: a layer must be dead as a whole, or nearly so from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod, sqrt

from torch import nn

from fivestep.finding import Finding, Severity, Sighting
from fivestep.practice import Practice
from fivestep.rules.unscaled_input import ADAPTIVE, RATES
from fivestep.vitals import Backward, Forward, Graph, Node, ParameterFacts, Record, Site, Vitals

SEVERITY = Severity.SUSPICIOUS
NEEDS = ("forward",)
EXPLAINS = (
    "collapsed-output", "gradientless-parameter", "vanishing-gradient", "tiny-update", "flat-loss",
    "unreachable-target",
)  # fmt: skip

# Share of units without a slope for all rows of a batch. Sound networks of 2 to 7 layers, batches of 4
# to 16: 0.75 at most at the start where a layer has 8 units or more (1.0 in layers of 4: see ROWS).
NEARLY = 0.9
WHOLE = 1.0
# Share of single values at an end, from the start, after a layer that began heavy. Weights from
# N(0, 1), tanh, 64 inputs: 0.65; 128: 0.75; 512: 0.88. Xavier, Kaiming, orthogonal: 0.02 at most.
FLAT = 0.6
HEAVY = 10.0  # largest initial weight times the root of the inputs. PyTorch's own: 1; Kaiming, Xavier: 4
LOPSIDED = (
    10.0  # largest initial weight times the inputs, where all have one sign: N(0, 1) never has
)
FIRST = 3  # graphs, from the first of the run on
LAST = 5  # graphs in a row, the last one included
ROWS, UNITS = 8, 8  # from which on a share below 1 is trusted
FEW = 4  # rows below which nothing is said
USUAL = 50  # how far below the highest rate that learns a usual one lies: SGD 0.01, Adam 0.001
WEIGHTED = (
    "AddmmBackward0",
    "MmBackward0",
    "ConvolutionBackward0",
    "BmmBackward0",
    "BaddbmmBackward0",
)
SATURATING = ("SigmoidBackward0", "TanhBackward0")

Seen = tuple[Vitals, Backward]


def check(record: Record) -> Iterator[Finding]:
    """A hidden activation has no slope, in every graph that was looked at last."""
    last_words = {
        (f.outputs[0].shape, f.outputs[0].behind[:1])
        for _, f in record.events(Forward)
        if f.outputs
    }
    by_site: dict[Site | None, list[Seen]] = {}
    for vitals, backward in record.events(Backward):
        if backward.graph is not None:
            by_site.setdefault(backward.site, []).append((vitals, backward))
    for seen in by_site.values():
        places = [
            one
            for one in _numb(seen)
            if (_node(seen, one).shape, (_node(seen, one).name,)) not in last_words
            and (
                _share(_node(seen, one)) == 1
                or _node(seen, one).dead is not None
                or _heavy(seen, one, record)
            )
        ]
        if places:
            yield _say(seen, places, record)


def _node(seen: list[Seen], place: int) -> Node:
    return _graph(seen[-1]).nodes[place]


def _graph(seen: Seen) -> Graph:
    assert seen[1].graph is not None
    return seen[1].graph


def _numb(seen: list[Seen]) -> list[int]:
    """Positions of the activations that were numb in the last graphs, all of one structure."""
    graphs = [_graph(one) for one in seen]
    graphs = [one for one in graphs if _names(one) == _names(graphs[-1])]
    return [
        place for place in _hidden(graphs[-1]) if _is_numb([one.nodes[place] for one in graphs])
    ]


def _heavy(seen: list[Seen], place: int, record: Record) -> bool:
    """The layer before began far from 0: else it is the inputs that are to be scaled."""
    parameters = [record.parameters[one] for one in _before(_graph(seen[-1]), place)]
    loose = [one for one in _leaves(_graph(seen[0]), place) if one.parameter < 0]
    return any(_far_bias(one) or _far_weights(one) for one in parameters) or any(
        _far(one.shape, (one.lowest, one.highest), one.shape[:1])
        for one in loose
        if one.lowest is not None and one.highest is not None
    )


def _names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def _is_numb(nodes: list[Node]) -> bool:
    """Dead as a whole in the end, or nearly so from the first graph to the last."""
    if nodes[-1].name not in ("ReluBackward0", *SATURATING) or nodes[-1].shape[:1] < (FEW,):
        return False
    as_a_whole = len(nodes) >= LAST and all(_share(one) >= WHOLE for one in nodes[-LAST:])
    full = [one for one in nodes if one.shape[:1] >= (ROWS,)]  # not the rest at an epoch's end
    return as_a_whole or (len(full) >= FIRST and all(_nearly(one) for one in full))


def _nearly(node: Node) -> bool:
    if prod(node.shape[1:]) < UNITS:
        return False
    return _share(node) >= NEARLY or (node.flat or 0.0) >= FLAT


def _share(node: Node) -> float:
    """Of the units: those with no slope for any row."""
    share = node.dead if node.dead is not None else node.saturated
    return share if share is not None else 0.0


def _hidden(graph: Graph) -> list[int]:
    """Activations that a layer with weights comes after: a loss has hinges of its own."""
    near = [i for node in graph.nodes if node.name in WEIGHTED for i in node.inputs]
    behind: set[int] = set()
    while near:
        place = near.pop()
        if 0 <= place < len(graph.nodes) and place not in behind:
            behind.add(place)
            near += graph.nodes[place].inputs
    return sorted(behind)


def _before(graph: Graph, place: int) -> list[int]:
    """Parameters of the layer right before an activation."""
    return [one.parameter for one in _leaves(graph, place) if one.parameter >= 0]


def _leaves(graph: Graph, place: int) -> list[Node]:
    """Those and, of a product written by hand, the weights that nobody holds: ``x @ W``."""
    near, seen = list(graph.nodes[place].inputs), set[int]()
    while near:
        here = near.pop(0)
        if not 0 <= here < len(graph.nodes) or here in seen:
            continue
        seen.add(here)
        node = graph.nodes[here]
        if node.name in WEIGHTED:
            found = [graph.nodes[i] for i in node.inputs if 0 <= i < len(graph.nodes)]
            found += [graph.nodes[j] for one in found if one.name != "AccumulateGrad" and len(one.inputs) == 1
                      for j in one.inputs if 0 <= j < len(graph.nodes)]  # fmt: skip
            by_hand = graph.nodes[node.inputs[-1]] if node.inputs[-1] >= 0 else node
            return [one for one in found if one.parameter >= 0 or (
                one is by_hand and one.name == "AccumulateGrad" and one.shape[-1:] == node.shape[-1:])]  # fmt: skip
        near += node.inputs
    return []


def _say(seen: list[Seen], places: list[int], record: Record) -> Finding:
    first = places[-1]  # nearest to the input
    node = _node(seen, first)
    parameters = [record.parameters[one] for one in _before(_graph(seen[-1]), first)]
    layer = next((one.name.rpartition(".")[0] for one in parameters), "")
    bias = next((one.initial[0] for one in parameters if _far_bias(one) and one.initial), None)
    start = f"; the bias of that layer starts at {bias:g}" if bias is not None else ""
    wild = _wild(record)
    if wild is not None and bias is None:
        start = f"; the rate {wild[0]:g} throws the weights too far"
    side = "below 0" if node.dead is not None else "far from 0"
    return Sighting(seen[-LAST:]).finding(
        message=_message(node, layer),
        cause=f"their input is {side}, so next to no gradient comes through{start}",
        fix="start that bias at 0: `nn.init.zeros_(layer.bias)`"
        if bias is not None
        else f"take a far lower rate, such as lr={wild[1]:g}"
        if wild is not None
        else "start from smaller weights, scale the inputs, or take a tenth of the rate",
        evidence={
            "share_of_units": _share(node), "share_of_values": node.flat or _share(node),
            "units": prod(node.shape[1:]), "activation": node.name.removesuffix("Backward0"),
            "layer": layer, "layers": len(places),
        },
        site=_site(seen, record),
        confidence=0.95,
    )  # fmt: skip


def _wild(record: Record) -> tuple[float, float] | None:
    """A rate at which even scaled inputs do not learn, and a usual one."""
    for optimizer in record.optimizers:
        highest = max((rate for _, rate in optimizer.rates), default=0.0)
        limit = RATES.get(optimizer.kind, ADAPTIVE)
        if highest > limit:
            return highest, limit / USUAL
    return None


def _message(node: Node, layer: str) -> str:
    share, after = _share(node), f" after layer {layer}" if layer else ""
    how = "give 0" if node.dead is not None else "sit at an end of their range"
    if share >= NEARLY:
        what = "all" if share == 1 else f"{share:.0%} of the"
        return f"{what} {prod(node.shape[1:])} units{after} {how} for every row"
    return f"{node.flat or 0:.0%} of the values{after} {how}"


def _far_weights(facts: ParameterFacts) -> bool:
    return facts.initial is not None and _far(facts.shape, facts.initial, facts.shape[1:])


def _far(shape: tuple[int, ...], ends: tuple[float, float], inputs: tuple[int, ...]) -> bool:
    """Too large for so many inputs, or all of one sign, so that their sum grows with them."""
    largest, many = max(abs(one) for one in ends), prod(inputs)
    lopsided = ends[0] >= 0 or ends[1] <= 0
    far = largest * sqrt(many) > HEAVY or (lopsided and largest * many > LOPSIDED)
    return len(shape) > 1 and far


def _far_bias(facts: ParameterFacts) -> bool:
    """It starts far to one side."""
    return (
        len(facts.shape) == 1
        and facts.initial is not None
        and (facts.initial[1] < -1 or facts.initial[0] > 1)
    )


def _site(seen: list[Seen], record: Record) -> Site | None:
    wanted = seen[-1][1].forwards or ()
    return next(
        (one.site for _, one in record.events(Forward) if one.at in wanted), seen[-1][1].site
    )


def sick(practice: Practice) -> None:
    first = nn.Linear(8, 16)
    nn.init.constant_(first.bias, -20.0)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(16, 3))
    model = practice.model(model)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def healthy(practice: Practice) -> None:
    first = nn.Linear(8, 16)
    nn.init.constant_(first.bias, -0.2)
    model = nn.Sequential(first, nn.ReLU(), nn.Linear(16, 3))
    model = practice.model(model)
    loss_fn, optimizer = practice.loss("cross_entropy"), practice.optimizer(model)
    for inputs, targets in practice.classification():
        loss = loss_fn(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
