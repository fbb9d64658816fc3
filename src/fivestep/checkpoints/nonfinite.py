"""The weights in a copied state that are NaN or infinite, by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from fivestep.checkpoints.snapshot import Snapshot
from fivestep.unwrapped import unwrapped

_MODEL = "objects/model/state/"


def buffers_of(model: Any) -> frozenset[str]:
    """Name the buffers of a model, in which an infinite value is fine: a mask holds -inf."""
    bare = unwrapped(model) if isinstance(model, nn.Module) else None
    return frozenset(() if bare is None else (name for name, _ in bare.named_buffers()))


def mark_nonfinite(taken: Snapshot, *, buffers: Collection[str]) -> dict[str, list[str]]:
    """Name the weights of the model that are not finite, as an entry of the manifest if any is."""
    held = [(name, one) for part in taken.fragments.values() for name, one in part.items()]
    weights = [(n.removeprefix(_MODEL), one) for n, one in held if n.startswith(_MODEL)]
    bad = [name for name, one in weights if not good(one, buffer=name in buffers)]
    return {"nonfinite": bad} if bad else {}


def good(tensor: Tensor, *, buffer: bool = False) -> bool:
    """Tell whether all in it is finite; of a buffer, whether none is NaN."""
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return True
    try:
        wide = tensor.float() if tensor.itemsize == 1 else tensor  # torch cannot ask all of these
        found = ~torch.isnan(wide) if buffer else torch.isfinite(wide)
    except NotImplementedError:  # float4, which holds neither
        return True
    return bool(found.all())
