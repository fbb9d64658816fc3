"""Whether an update that a fused optimizer is making is none: GradScaler found inf or NaN."""

from __future__ import annotations

from typing import Any


def overflowed(optimizer: Any) -> bool:
    """Tell, within a hook of ``optimizer``'s step, whether the weights stay where they are.

    GradScaler skips the step of an optimizer when a gradient overflowed, and no hook runs. To a
    fused one it hands its finding instead, and steps: the kernel looks, and leaves the weights
    alone. The hooks run all the same. Reading the finding synchronises an accelerator; without
    GradScaler, or without a fused optimizer, there is nothing to read.

    Source: https://github.com/pytorch/pytorch/blob/main/torch/amp/grad_scaler.py
    """
    found = getattr(optimizer, "found_inf", None)
    return found is not None and bool(found)


def still_scaled(optimizer: Any) -> bool:
    """Tell, within a hook of ``optimizer``'s step, whether its gradients carry GradScaler's scale.

    A fused optimizer divides by the scale in its kernel, unless ``scaler.unscale_`` came before.
    """
    return getattr(optimizer, "grad_scale", None) is not None
