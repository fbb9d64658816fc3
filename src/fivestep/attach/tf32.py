"""TensorFloat-32 for float32 products on NVIDIA GPUs, switched and put back."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch

BACKENDS: Any = torch.backends  # whose newer switches are properties that no type checker sees


@contextmanager
def tf32(on: bool) -> Generator[None]:
    """Let float32 matrix products and convolutions on NVIDIA GPUs use TensorFloat-32, or not.

    It rounds what is multiplied to 10 bits of mantissa (float32 has 23) and is several times as
    fast from Ampere on. It holds for the whole process, and afterwards all is put back. Computing
    on a CPU is not touched.

    Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#tensorfloat-32-tf32-on-ampere-and-later-devices
    """
    before = _read()
    switch_tf32(on)
    try:
        yield
    finally:
        _put_back(*before)


def switch_tf32(on: bool) -> None:
    """Switch as ``tf32`` does, and leave it so."""
    # These older switches set the newer `fp32_precision` as well, but setting only the newer ones
    # makes torch raise where anybody reads the older. And set_float32_matmul_precision would touch
    # the CPU, too.
    BACKENDS.cuda.matmul.allow_tf32 = on
    BACKENDS.cudnn.allow_tf32 = on


def _read() -> tuple[str, str, str, bool, bool, bool]:
    product = BACKENDS.cuda.matmul.fp32_precision
    convolution = BACKENDS.cudnn.conv.fp32_precision
    recurrence = BACKENDS.cudnn.rnn.fp32_precision
    # Where the older switch cannot be read it says the opposite of the newer one.
    try:
        word = torch.get_float32_matmul_precision()
        older_product, medium = word != "highest", word == "medium"
    except RuntimeError:
        older_product, medium = product != "tf32", False
    try:
        older_cudnn = BACKENDS.cudnn.allow_tf32
    except RuntimeError:
        older_cudnn = convolution != "tf32"
    return product, convolution, recurrence, older_product, medium, older_cudnn


def _put_back(
    product: str,
    convolution: str,
    recurrence: str,
    older_product: bool,
    medium: bool,
    older_cudnn: bool,
) -> None:
    BACKENDS.cuda.matmul.allow_tf32 = older_product
    if medium:
        on_cpu = BACKENDS.mkldnn.matmul.fp32_precision
        torch.set_float32_matmul_precision("medium")
        BACKENDS.mkldnn.matmul.fp32_precision = on_cpu
    BACKENDS.cudnn.allow_tf32 = older_cudnn
    BACKENDS.cuda.matmul.fp32_precision = product
    BACKENDS.cudnn.conv.fp32_precision = convolution
    BACKENDS.cudnn.rnn.fp32_precision = recurrence
