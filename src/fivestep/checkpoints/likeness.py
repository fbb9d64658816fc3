"""Whether data are those that a training was saved with, as far as a look at them tells."""

from __future__ import annotations

import hashlib
from typing import Any, cast

import torch
from torch import Tensor
from torch.utils.data import Subset, TensorDataset

from fivestep.batches import Batches, TensorBatches
from fivestep.convert import leaves
from fivestep.feeds import Around

LOOKED_AT = 64  # samples, spread over all
VALUES = 256  # of each, spread over it


def likeness(made: Batches) -> str | None:
    """Hash some samples of data that lie in memory; None for others, which draw or load.

    Args:
        made: batches, as ``fivestep.batches`` makes them, whatever stands around them.
    """
    made = _innermost(made)
    if isinstance(made, TensorBatches):
        named = [*leaves(made.inputs, "inputs"), *leaves(made.targets, "targets")]
        return hashlib.sha256(_some(named)).hexdigest()[:16]
    dataset, found = getattr(made.source, "dataset", None), hashlib.sha256()
    while isinstance(dataset, Subset):
        chosen = torch.as_tensor(cast("Any", dataset).indices)
        found.update(_some([("chosen", chosen)]))
        dataset = cast("Any", dataset).dataset
    if isinstance(dataset, TensorDataset):
        found.update(_some([(f"tensor {n}", one) for n, one in enumerate(dataset.tensors)]))
    elif not isinstance(getattr(made.source, "dataset", None), Subset):
        return None
    return found.hexdigest()[:16]


def order_of(made: Batches) -> str | None:
    """Say what orders the samples: ``"shuffled"``, ``"in order"``, or the class of a sampler."""
    made = _innermost(made)
    order = getattr(made, "order", None)
    if order is not None:
        return "shuffled" if order.shuffle else "in order"
    sampler = getattr(made.source, "sampler", None)
    return None if sampler is None else type(sampler).__name__


def _innermost(made: Batches) -> Batches:
    while isinstance(made, Around):
        made = made.made
    return made


def _some(named: list[tuple[str, Tensor]]) -> bytes:
    """Take types and shapes, and a few values of some samples: data may be larger than memory."""
    found: list[bytes] = []
    for name, tensor in named:
        found.append(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.layout is not torch.strided or tensor.is_meta or tensor.is_quantized:
            continue
        count = len(tensor) if tensor.ndim else 0
        looks = min(count, LOOKED_AT)
        for look in range(looks):
            values = tensor.detach()[look * (count - 1) // max(looks - 1, 1)].reshape(-1)
            step = max(len(values) // VALUES, 1)
            few = values[::step][:VALUES].cpu().contiguous()
            found.append(few.view(torch.uint8).numpy().tobytes() if len(few) else b"")
    return b"".join(found)
