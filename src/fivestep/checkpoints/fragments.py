"""Named tensors as the bytes of a safetensors file, and back; parsing runs no code."""

from __future__ import annotations

import torch
from safetensors.torch import _TYPES, load, save  # pyright: ignore
from torch import Tensor

from fivestep.checkpoints.codec import DTYPES

_KNOWN = {dtype: name for name, dtype in _TYPES.items()}
_AS_BYTES = "as bytes "  # before the name of a tensor whose type safetensors does not know


def to_bytes(tensors: dict[str, Tensor]) -> bytes:
    """Write tensors: dense, on the CPU, none sharing memory with another."""
    return save(dict(_written(name, tensor) for name, tensor in tensors.items()))


def from_bytes(data: bytes) -> dict[str, Tensor]:
    """Read what ``to_bytes`` has written. Raises what safetensors raises for anything else."""
    return dict(_read(name, tensor) for name, tensor in load(data).items())


def copied(tensor: Tensor) -> Tensor:
    """Copy a tensor to the CPU, dense and alone in its memory: what the training does not move."""
    held = tensor.detach()
    moved = held.to("cpu", copy=True) if held.device.type != "cpu" else held.clone()
    return moved.resolve_conj().resolve_neg().contiguous()


def _written(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    if tensor.dtype in _KNOWN:
        return name, tensor
    shape = "x".join(map(str, tensor.shape))
    kind = str(tensor.dtype).removeprefix("torch.")
    flat = tensor.reshape(-1).view(torch.uint8) if tensor.numel() else tensor.new_zeros(0).byte()
    return f"{_AS_BYTES}{kind} {shape} {name}", flat


def _read(name: str, tensor: Tensor) -> tuple[str, Tensor]:
    if not name.startswith(_AS_BYTES):
        return name, tensor
    kind, shape, name = name.removeprefix(_AS_BYTES).split(" ", 2)
    dtype = DTYPES[kind]
    return name, tensor.view(dtype).reshape([int(size) for size in shape.split("x") if size])
