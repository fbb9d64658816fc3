"""All of a forward in float64, also where it casts to a shorter type on its way."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

SHORT = (torch.float32, torch.float16, torch.bfloat16)
CASTS = (Tensor.float, Tensor.half, Tensor.bfloat16)


@contextmanager
def in_float64() -> Generator[None]:
    """Make float64 the default, and let every cast to a shorter floating type be one to it.

    A model that takes its logits or its norms through ``x.float()`` would else be computed in
    float32 again, and its rounding told as an error.
    """
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Uncast():
            yield
    finally:
        torch.set_default_dtype(before)


class _Uncast(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        call: Callable[..., Any] = Tensor.double if any(func is one for one in CASTS) else func
        options = {name: _longer(value) for name, value in (kwargs or {}).items()}
        return call(*map(_longer, cast("tuple[Any, ...]", args)), **options)


def _longer(value: Any) -> Any:
    return torch.float64 if any(value is one for one in SHORT) else value
