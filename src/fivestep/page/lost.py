"""Where the first number that is not finite came from: asked once, when a loss is not.

Nothing is computed again. The graph behind the loss still holds what its operations keep for
backward; the first of them, in the order in which they ran, that holds such a number tells.
"""
# torch's own parts are private and partly untyped; to look at them is the work of this file.
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import math
import re
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch

from fivestep.vitals.measure import at_once, measurable, quietly

NODES = 2000  # of a graph
PASSING = re.compile(  # of what is finite they make nothing else
    r"(Relu|Tanh|Sigmoid|LeakyRelu|Hardtanh|View|UnsafeView|Reshape|ReshapeAlias|Permute|T|"
    r"Transpose|Expand|Slice|Select|Squeeze|Unsqueeze|Clone|Alias|Clamp)Backward\d*$"
)
LARGE = 2_000_000  # elements of one tensor; a larger one is not looked at

Named = list[tuple[str, torch.Tensor]]
Layer = Callable[[torch.Tensor], str]  # of a parameter: "layer 2 (Linear)", or ""


class Seen(NamedTuple):
    """A tensor that an operation keeps."""

    node: Any
    made_by: Any  # the operation whose result it is; None: it came in from outside
    finite: bool
    masked: bool  # what is not finite in it is -inf, as a mask writes it


class Loss:
    """A loss as it was heard: without its graph, its value read once.

    Args:
        tensor: the loss. What is done to it in place afterwards makes another one of it; through
            ``data``, or in inference mode, that is not seen.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self._tensor = weakref.ref(tensor)
        self._value: float | None = None
        with quietly():
            self._version = _version(tensor)
            single = tensor.numel() == 1 and measurable(tensor)
            self._read = not single  # there is nothing more to be read
            self._at_once = single and at_once(tensor)
            self._detached = tensor.detach()
            if self._at_once:
                self._value, self._read = self._detached.item(), True

    def is_of(self, tensor: torch.Tensor) -> bool:
        """Tell whether this tensor is the same, unchanged."""
        if self._tensor() is not tensor:
            return False
        with quietly():
            return self._version == _version(tensor)

    @property
    def value(self) -> float | None:
        """The number, waited for where it is still being computed; None if it is not one."""
        if not self._read:
            with quietly():
                self._value, self._read = self._detached.item(), True
        return self._value

    @property
    def is_lost(self) -> bool:
        """Tell whether it is not finite, where looking waits for nothing."""
        return self._at_once and self._value is not None and not math.isfinite(self._value)


def _version(tensor: torch.Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version


def first_lost(loss: torch.Tensor, named: Named, layer: Layer) -> str:
    """Where the first number that is not finite was seen, in words; "" if it was not.

    Args:
        loss: with its graph, before backward.
        named: the parameters.
        layer: the words for the layer that a parameter belongs to.
    """
    with quietly():
        bad = [(name, one) for name, one in named if not _finite(one)]
        if bad:
            return _of_weights(bad, named, layer)
    nodes = sorted(_nodes(loss.grad_fn), key=_order)
    with torch.no_grad():
        seen = [one for node in nodes for one in _kept(node)]
    lost = [one for one in seen if not one.finite]
    first = min(lost, key=lambda one: (one.masked, _order(one.made_by)), default=None)
    if first is None:
        return _of_the_rest(nodes, seen, layer)
    if first.made_by is None:
        return "first in the data: this batch holds numbers that are not finite"
    return f"first in {_words(first.made_by, layer)}"


def _of_weights(bad: Named, named: Named, layer: Layer) -> str:
    """The weights were lost already: by a gradient, if those still stand there."""
    slopes = [(name, one) for name, one in named if one.grad is not None]
    lost = [(name, one) for name, one in slopes if not _finite(_slope(one))]
    if not lost:
        name, tensor = bad[0]
        words = layer(tensor) or name
        return f"first in the update before: weights were not finite already, as in {words}"
    if len(lost) == len(slopes) > 1:
        return "first in backward of the iteration before: not one gradient was finite"
    name, tensor = lost[-1]  # backward comes from the end
    return f"first in backward of the iteration before: the gradient of {layer(tensor) or name}"


def _slope(tensor: torch.Tensor) -> torch.Tensor:
    assert tensor.grad is not None
    return tensor.grad


def _of_the_rest(nodes: list[Any], seen: list[Seen], layer: Layer) -> str:
    """All that is kept is finite: it was one of the operations after that."""
    last = max((_order(one.made_by) for one in seen if one.made_by is not None), default=-1)
    after = [node for node in nodes if _order(node) > last and _name(node) != "AccumulateGrad"]
    if not after:
        return ""
    more = " or in what comes after it" if len(after) > 1 else ""
    return f"first in {_words(after[0], layer)}{more}"


def _nodes(root: Any) -> list[Any]:
    found, waiting = {root: None}, [root] if root is not None else []
    while waiting and len(found) < NODES:
        for node, _ in waiting.pop().next_functions:
            if node is not None and node not in found:
                found[node] = None
                waiting.append(node)
    return [one for one in found if one is not None]


def _order(node: Any) -> int:
    """In which order operations ran; what came in from outside was there before."""
    if node is None or _name(node) == "AccumulateGrad":
        return -1
    return node._sequence_nr()


def _name(node: Any) -> str:
    return node.name().rsplit("::", 1)[-1]


def _kept(node: Any) -> Iterator[Seen]:
    for key in dir(node):
        if not key.startswith("_raw_saved_"):
            continue
        try:
            if getattr(getattr(node, key), "unpack_hook", None) is not None:
                continue  # checkpointing would compute it again
            value = getattr(node, key.replace("_raw", ""))
        except (RuntimeError, AttributeError, TypeError):  # freed, or changed in place
            continue
        if isinstance(value, torch.Tensor) and measurable(value) and at_once(value):
            if not value.is_floating_point() or not 0 < value.numel() <= LARGE:
                continue
            made_by = _origin(value.grad_fn)
            with quietly():
                yield Seen(node, made_by, _finite(value), _is_masked(value))


def _origin(node: Any) -> Any:
    """The operation that may have made it, past those that only hand on what they are given."""
    while node is not None and PASSING.match(_name(node)):
        node = node.next_functions[0][0]
    return None if node is None or _name(node) == "AccumulateGrad" else node


def _finite(tensor: torch.Tensor) -> bool:
    if not measurable(tensor) or not at_once(tensor) or not tensor.is_floating_point():
        return True
    return bool(tensor.detach().isfinite().all())


def _is_masked(tensor: torch.Tensor) -> bool:
    value = tensor.detach()
    lost = value[~value.isfinite()]
    return bool(lost.numel()) and bool((lost == -math.inf).all())


def _words(node: Any, layer: Layer) -> str:
    """The layer that an operation is of; or the operation, and the layer before it."""
    if own := _layer(node, layer):
        return f"{own}, forward"
    name = re.sub(r"Backward\d*$", "", _name(node))
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    waiting, met = [node], {node}
    while waiting and len(met) < NODES:
        here = waiting.pop(0)
        for behind, _ in here.next_functions:
            if behind is None or behind in met:
                continue
            if before := _layer(behind, layer):
                return f"`{name}`, after {before}"
            met.add(behind)
            waiting.append(behind)
    return f"`{name}`"


def _layer(node: Any, layer: Layer) -> str:
    """An operation that takes a parameter, or its transpose, is of that parameter's layer."""
    for behind, _ in node.next_functions:
        if behind is None:
            continue
        if _name(behind) in ("TBackward0", "PermuteBackward0", "TransposeBackward0"):
            behind = behind.next_functions[0][0]
        variable = getattr(behind, "variable", None) if behind is not None else None
        if variable is not None and (words := layer(variable)):
            return words
    return ""
