"""The state of a training as it stands at one instant, copied off what goes on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from torch import Tensor

from fivestep.checkpoints.codec import Tensors, decode, encode
from fivestep.checkpoints.fragments import copied
from fivestep.checkpoints.store import Found

SMALL_BYTES = 2**20  # of the tensors of one part: below that the parts share a file


class Snapshot(NamedTuple):
    """Plain values, and the tensors that they refer to, by fragment."""

    state: dict[str, Any]
    fragments: dict[str, dict[str, Tensor]]


def snapshot(parts: dict[str, Any], *, still: Collection[str] = ()) -> Snapshot:
    """Copy a state, so that the training may go on while it is written.

    Args:
        parts: plain values and live tensors, by name.
        still: the parts whose tensors nobody writes to, which need no copy.

    Raises:
        UnsaveableError: something in it cannot be saved; what, and where it stands.
    """
    state: dict[str, Any] = {}
    fragments: dict[str, Tensors] = {"small": {}}
    for label, part in parts.items():
        live: Tensors = {}
        state[label] = encode(part, label, live)
        own = {n: _kept(t) if label in still else copied(t) for n, t in live.items()}
        large = sum(t.nbytes for t in own.values()) >= SMALL_BYTES
        fragments.setdefault(label if large else "small", {}).update(own)
    return Snapshot(state, {label: held for label, held in fragments.items() if held})


def _kept(tensor: Tensor) -> Tensor:
    return tensor if tensor.device.type == "cpu" and tensor.is_contiguous() else copied(tensor)


def restored(found: Found) -> dict[str, Any]:
    """Make the state of a checkpoint that was read: fresh values, its tensors on the CPU."""
    tensors = {name: one for held in found.tensors.values() for name, one in held.items()}
    return {label: decode(part, tensors) for label, part in found.body["state"].items()}
