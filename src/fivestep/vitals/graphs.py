"""The graph behind a loss, walked once and written down."""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from fivestep.vitals.facts import Graph, Node
from fivestep.vitals.measure import measurable

NODES = 2000
MARK, ALIVE = "fivestep", "fivestep alive"  # keys in a node's metadata
SCALARS = 4  # a loss divided by a window and scaled is three operations from the loss that was kept

# What an operation saved and what it tells: the operand (or the divisor) for those that are not
# defined everywhere, the result for those that flatten out.
_SAVED = {
    "LogBackward0": "self",
    "Log2Backward0": "self",
    "Log10Backward0": "self",
    "Log1PBackward0": "self",
    "DivBackward0": "other",
    "PowBackward0": "self",
    "AcosBackward0": "self",
    "AsinBackward0": "self",
    "SqrtBackward0": "result",
    "RsqrtBackward0": "result",
    "ExpBackward0": "result",
    "ReluBackward0": "result",
    "SigmoidBackward0": "result",
    "TanhBackward0": "result",
    "SoftmaxBackward0": "result",
    "LogSoftmaxBackward0": "result",
    "LinalgVectorNormBackward0": "result",
    "NormBackward0": "result",
}
_ERRORS = ("AbsBackward0", "PowBackward0")  # an error by hand: the difference is its operand
_SAMPLE = 4096  # elements of it that are looked at
_ENDS = {"SigmoidBackward0": (0.0, 1.0), "TanhBackward0": (-1.0, 1.0)}
NEAR_END = 1e-3  # of the range: a unit this close to an end has under 0.4 % of its steepest slope


class Walked(NamedTuple):
    """What a walk found: the graph, the leaves with their variables, the marks on the way."""

    graph: Graph
    leaves: list[torch.Tensor]
    marks: set[int]


def walk(loss: torch.Tensor, number: Callable[[torch.Tensor], int], *, saved: bool) -> Walked:
    """Walk the graph behind ``loss`` breadth first, 2,000 nodes at most for the record.

    The leaves are looked for to the end (50,000 nodes). With ``saved`` the range of what certain
    operations saved is taken too, which on an accelerator waits for it: the CPU only.
    """
    root: Any = loss.grad_fn
    places: dict[Any, int] = {root: 0} if root is not None else {}
    queue: deque[Any] = deque(places)
    nodes: list[Node] = []
    leaves: list[torch.Tensor] = []
    marks: set[int] = set()
    while queue and len(places) < 50_000:
        here = queue.popleft()
        variable = getattr(here, "variable", None)
        if variable is not None:
            leaves.append(variable)
        inputs: list[int] = []
        for after, _ in here.next_functions:
            if after is None:
                inputs.append(-1)
                continue
            if after not in places:
                places[after] = len(places)
                queue.append(after)
            inputs.append(places[after])
        mark = here.metadata.get(MARK) if variable is None else None
        if mark is not None:
            marks.update(mark)
        if len(nodes) < NODES:
            nodes.append(_node(here, inputs, variable, number, saved))
            nodes[-1].made = tuple(sorted(mark or ()))
    return Walked(Graph(tuple(nodes), complete=len(places) == len(nodes)), leaves, marks)


def _node(here: Any, inputs: list[int], variable: Any, number: Any, saved: bool) -> Node:
    metadata: Any = getattr(here, "_input_metadata", ())
    shape = tuple(metadata[0].shape) if len(metadata) and hasattr(metadata[0], "shape") else ()
    name: str = here.name().rsplit("::", 1)[-1]
    node = Node(name, tuple(int(side) for side in shape), tuple(inputs))
    if variable is not None:
        node.parameter = number(variable)
        if saved and node.parameter < 0:  # of a parameter the registry knows how it began
            _add_range(node, variable)
    elif saved and name in _ERRORS and (name != "PowBackward0" or _whole(here)):
        node.tenths = _tenths(_saved(here, "self"))
    elif saved and name in _SAVED:
        _add_saved(node, here, _SAVED[name])
    elif name == "MulBackward0" and inputs.count(-1) == 1:
        factor = _saved(here, "self" if inputs[0] == -1 else "other")
        node.beside = tuple(int(side) for side in factor.shape) if factor is not None else None
    return node


def _saved(here: Any, which: str) -> torch.Tensor | None:
    """A tensor that an operation saved, where looking at it computes nothing."""
    try:
        raw = getattr(here, f"_raw_saved_{which}")
        if getattr(raw, "unpack_hook", None) is not None:  # checkpointing would compute it again
            return None
        value = getattr(here, f"_saved_{which}")
    except (RuntimeError, AttributeError):  # freed already
        return None
    return value if isinstance(value, torch.Tensor) else None


def _whole(here: Any) -> bool:
    """A power of 0, 1, 2...: defined for every number."""
    exponent = getattr(here, "_saved_exponent", None)
    return isinstance(exponent, (int, float)) and exponent >= 0 and float(exponent).is_integer()


def _tenths(value: torch.Tensor | None) -> tuple[float, float] | None:
    """A tenth of the numbers lies below the first, a tenth above the second."""
    if value is None or not measurable(value) or value.device.type != "cpu" or value.is_inference():
        return None
    if not value.numel() or not value.is_floating_point():
        return None
    flat = value.detach().reshape(-1)
    ordered = flat[:: math.ceil(len(flat) / _SAMPLE)].double().sort().values
    tenth = (len(ordered) - 1) // 10
    return float(ordered[tenth]), float(ordered[-1 - tenth])


def _add_saved(node: Node, here: Any, which: str) -> None:
    value = _saved(here, which)
    if value is None or not _add_range(node, value):
        return
    value = value.detach()
    if value.dim() < 2 or len(value) < 2:
        return
    units = value.flatten(1)
    if node.name == "ReluBackward0":
        node.dead = float((units == 0).all(dim=0).float().mean())
    elif node.name in _ENDS:
        bottom, top = _ENDS[node.name]
        near = NEAR_END * (top - bottom)
        at_end = (units < bottom + near) | (units > top - near)
        node.saturated, node.flat = (
            float(at_end.all(0).float().mean()),
            float(at_end.float().mean()),
        )


def _add_range(node: Node, value: torch.Tensor) -> bool:
    if not measurable(value) or not value.numel():
        return False
    if value.device.type != "cpu" or value.is_inference():
        return False
    value = value.detach()
    low, high = torch.aminmax(value.to(torch.uint8) if value.dtype is torch.bool else value)
    node.lowest, node.highest = float(low), float(high)
    return True


def mark(node: Any, at: int) -> None:
    """Leave a mark on an operation, to know it again when a backward comes by."""
    node.metadata.setdefault(MARK, set()).add(at)


def hold(node: Any, token: Any) -> Any:
    """Tie a token to a loss: to its operation, and to the scalars that it was made of."""
    for _ in range(SCALARS):
        node.metadata[ALIVE] = token
        behind = [after for after, _ in node.next_functions if after is not None]
        leaf = len(behind) != 1 or getattr(behind[0], "variable", None) is not None
        if leaf or _size(behind[0]) != 1:
            break
        node = behind[0]
    return token


def _size(node: Any) -> int:
    metadata: Any = getattr(node, "_input_metadata", ())
    shape = tuple(metadata[0].shape) if len(metadata) and hasattr(metadata[0], "shape") else (0,)
    return math.prod(int(side) for side in shape)


def takes_from_user_code(graph_root: Any, limit: int = 2000) -> bool:
    """Tell whether a custom Function, a hook on saved tensors or checkpointing is behind a node."""
    seen: set[Any] = {graph_root}
    queue: deque[Any] = deque(seen)
    while queue and len(seen) < limit:
        here = queue.popleft()
        if isinstance(here, torch.autograd.function.BackwardCFunction):
            return True
        for name in dir(here):
            if name.startswith("_raw_saved_") and _hooked(here, name):
                return True
        for after, _ in here.next_functions:
            if after is not None and after not in seen:
                seen.add(after)
                queue.append(after)
    return bool(queue)


def _hooked(here: Any, name: str) -> bool:
    try:
        raw = getattr(here, name)
    except RuntimeError:
        return True
    return getattr(raw, "unpack_hook", None) is not None
