"""Whether data are those that a training was saved with, as far as a look at them tells."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from fivestep.batches import Batches, TensorBatches
from fivestep.convert import leaves
from fivestep.feeds import Around

LOOKED_AT = 64  # samples, spread over all


def likeness(made: Batches) -> str | None:
    """Hash some samples of data that lie in memory; None for others, which draw or load.

    Args:
        made: batches, as ``fivestep.batches`` makes them, whatever stands around them.
    """
    made = _innermost(made)
    if isinstance(made, TensorBatches):
        return _hash([*leaves(made.inputs, "inputs"), *leaves(made.targets, "targets")])
    dataset = getattr(made.source, "dataset", None)
    if isinstance(dataset, TensorDataset):
        return _hash([(f"tensor {n}", one) for n, one in enumerate(dataset.tensors)])
    return None


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


def _hash(named: list[tuple[str, Tensor]]) -> str:
    found = hashlib.sha256()
    for name, tensor in named:
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        if tensor.ndim and len(tensor) and not tensor.is_meta:
            places = torch.linspace(0, len(tensor) - 1, min(len(tensor), LOOKED_AT)).long()
            some = tensor.detach()[places.to(tensor.device)].cpu().contiguous()
            found.update(some.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
