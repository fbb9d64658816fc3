"""What an operation behind a tensor does to its numbers, for the rules that read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fivestep.vitals.events import Backward
from fivestep.vitals.facts import Graph, Site, TensorFacts
from fivestep.vitals.record import Record, Vitals

# Operations that move numbers about and leave them as they are.
MOVING = (
    "ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0", "SqueezeBackward0",
    "SqueezeBackward1", "SqueezeBackward2", "UnsqueezeBackward0", "TransposeBackward0",
    "PermuteBackward0", "CloneBackward0", "ToCopyBackward0", "SliceBackward0", "AliasBackward0",
    "TBackward0", "ExpandBackward0", "SelectBackward0", "IndexBackward0", "UnbindBackward0",
    "CppFunction", "SplitBackward0", "MovedimBackward0", "ContiguousBackward0", "StackBackward0",
    "NarrowBackward0", "FlattenBackward0", "CatBackward0", "AsStridedBackward0",
)  # fmt: skip


def made_by(tensor: TensorFacts | None) -> str:
    """The operation that gave a tensor its numbers: "SigmoidBackward0", "" for none."""
    names = tensor.behind if tensor is not None else ()
    return next((name for name in names if name not in MOVING), "")


def is_hidden(tensor: TensorFacts | None) -> bool:
    """The operations behind a tensor are compiled into one and cannot be read."""
    return made_by(tensor).startswith("Compiled")


def broadcast(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that two shapes broadcast to, None if they do not."""
    longer = max(len(left), len(right))
    one, other = (1,) * (longer - len(left)) + left, (1,) * (longer - len(right)) + right
    shape: list[int] = []
    for here, there in zip(one, other, strict=True):
        if here != there and 1 not in (here, there):
            return None
        shape.append(there if here == 1 else here)
    return tuple(shape)


def with_graphs(record: Record) -> Iterator[tuple[Vitals, Backward]]:
    """Every kept backward with its graph: the last at its line, where it was not written again."""
    last: dict[Site | None, Graph] = {}
    for vitals, event in record.events(Backward):
        if event.graph is not None:
            last[event.site] = event.graph
        yield vitals, replace(event, graph=last.get(event.site))
