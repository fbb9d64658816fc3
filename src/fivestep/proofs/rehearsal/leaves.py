"""One value outside of what is saved: where it stands, what it is, and how large."""

from __future__ import annotations

import functools
import hashlib
import io
import sysconfig
from collections import deque
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from fivestep.checkpoints.codec import Tensors, decode
from fivestep.randomness import GENERATORS

LONGEST = 2000  # values of one container that are kept; of a longer one only what it comes to
DIGESTED_BYTES = 2**25  # of one tensor that are looked at
DEEPEST = 12
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype)
NESTS = (list, tuple, dict, set, frozenset, deque)
_FOREIGN = tuple(
    str(Path(path).resolve())
    for path in (
        *map(sysconfig.get_path, ("stdlib", "purelib", "platlib")), Path(__file__).parents[2]
    )
)  # fmt: skip


class Leaf(NamedTuple):
    """One value, and where it stands."""

    owner: str  # the path of what holds it
    how: str  # it is held: attribute, item, variable, global, class, buffer, itself
    name: str  # in its owner
    title: str  # for people
    digest: str
    order: str  # of a set: the order in which it gives its values
    shown: str  # the value, short
    value: Any  # as ``encode`` writes it; None where it cannot be put back so


def is_users(file: str | None) -> bool:
    """Tell the user's own code from Python's, the packages' and ours."""
    return file is not None and _is_users(file)


@functools.cache
def _is_users(file: str) -> bool:
    if file.startswith("<"):
        return file.startswith(("<ipython", "<stdin"))
    path = str(Path(file).resolve())
    return not path.startswith(_FOREIGN) and "site-packages" not in path


def digest_of(tensor: Tensor) -> str:
    """Hash type, shape and bits."""
    value = tensor.detach()
    if value.layout is not torch.strided:
        value = value.to_dense()
    value = value.resolve_conj().resolve_neg().reshape(-1)
    value = value[: max(1, DIGESTED_BYTES // max(1, value.element_size()))].contiguous().cpu()
    flat = value.view(torch.uint8).numpy() if value.numel() else np.zeros(0, np.uint8)
    return hashed(f"{tensor.dtype} {tuple(tensor.shape)}".encode() + flat.tobytes())


def value_of(leaf: Leaf, tensors: Tensors) -> Any:
    """Make the value of a leaf that was kept."""
    return decode(leaf.value, {name: one.clone() for name, one in tensors.items()})


def hashed(data: Any) -> str:
    """Hash bytes, short."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def key_of(owner: str, how: str, name: str) -> str:
    """Make the path of a value."""
    return f"{owner}\t{how} {name}" if owner else name


def short(value: Any) -> str:
    """Show a value in a few words."""
    if isinstance(value, (Tensor, np.ndarray)):
        flat = value.reshape(-1)
        first = f"{flat[0].item():.6g}" if len(flat) and np.ndim(flat[0].item()) == 0 else "empty"
        return first if len(flat) == 1 else f"{first}, ... {tuple(value.shape)}"
    if isinstance(value, GENERATORS):
        return f"the state of a {type(value).__name__}"
    if isinstance(value, io.IOBase):
        return str(value.tell())
    return f"{value!r:.60}"


def count_values(value: Any, depth: int = 0) -> int:
    """Count the values of a nest, as far as it matters."""
    if not isinstance(value, NESTS) or depth > DEEPEST:
        return 1
    if len(value) > LONGEST:
        return len(value)
    parts: Any = value.values() if isinstance(value, dict) else value
    return sum(count_values(one, depth + 1) for one in parts)


def count_bytes(value: Any, depth: int = 0) -> int:
    """Count the bytes of the tensors in a nest."""
    if isinstance(value, (Tensor, np.ndarray)):
        return value.nbytes
    if not isinstance(value, NESTS) or depth > DEEPEST:
        return 0
    parts: Any = value.values() if isinstance(value, dict) else value
    return sum(count_bytes(one, depth + 1) for one in parts)
