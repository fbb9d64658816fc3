"""Clip the gradients before each update: by value, by one norm over all groups, or both."""

from __future__ import annotations

import math
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fivestep.arguments import describe
from fivestep.attach.nesting import nested
from fivestep.attach.overflow import overflowed, still_scaled
from fivestep.attach.wrapping import core
from fivestep.closure import demands_closure


class Clip:
    """What ``clip`` hung on an optimizer. ``with`` removes it at the end."""

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        max_norm: float | None,
        value: float | None,
        norm_type: float,
        error_if_nonfinite: bool,
    ) -> None:
        self._optimizer, self._max_norm, self._value = optimizer, max_norm, value
        self._norm_type, self._error_if_nonfinite = norm_type, error_if_nonfinite
        self._norm: Tensor | None = None
        self._clipped: Tensor | int = 0
        self._handle = optimizer.register_step_pre_hook(self._before_update)

    @property
    def norm(self) -> float | None:
        """The norm of the last update's gradients before they were cut; None before the first.

        It is kept as a tensor, and only read here: that synchronises an accelerator.
        """
        return None if self._norm is None else float(self._norm)

    @property
    def clipped(self) -> int:
        """How many updates were cut so far. Reading it synchronises an accelerator."""
        return int(self._clipped)

    def remove(self) -> None:
        """Clip no more."""
        self._handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def _before_update(self, stepping: Any, args: Any, kwargs: Any) -> None:
        _refuse_call(stepping, args, kwargs)
        if overflowed(stepping) or nested(stepping):
            return
        holders, cut = _holders(self._optimizer), None
        if not holders:  # torch's clip by value fails on none
            self._norm = torch.zeros(())
            return
        if self._value is not None:
            self._norm = self._measure(holders, self._norm_type)
            cut = self._measure(holders, math.inf) > self._value
            nn.utils.clip_grad_value_(holders, self._value)
        if self._max_norm is not None:
            norm = nn.utils.clip_grad_norm_(
                holders, self._max_norm, self._norm_type, self._error_if_nonfinite
            )
            self._norm = norm if cut is None else self._norm
            longer = norm > self._max_norm
            cut = longer if cut is None else cut | longer
        assert cut is not None
        self._count(cut)

    def _measure(self, holders: list[Tensor], norm_type: float) -> Tensor:
        gradients = [gradient for holder in holders if (gradient := holder.grad) is not None]
        return nn.utils.get_total_norm(gradients, norm_type, self._error_if_nonfinite)

    def _count(self, cut: Tensor) -> None:
        before = self._clipped
        self._clipped = cut.int() + (
            before.to(cut.device) if isinstance(before, Tensor) else before
        )


def clip(
    optimizer: Any,
    *,
    norm: float | None = None,
    value: float | None = None,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Clip:
    """Clip the gradients of ``optimizer`` before each of its updates.

    It runs when the optimizer is about to move, so under accumulation once for a window, and after
    GradScaler has unscaled. With both limits the values are cut first, then the norm of what is
    left. Gradients are changed in place, sparse ones too.

    Args:
        optimizer: any ``torch.optim.Optimizer`` or a wrapping of one, but none that asks for the
            gradients again within its step (LBFGS).
        norm: the largest norm, one over the parameters of all groups.
        value: the largest absolute value of an element.
        norm_type: which norm; ``math.inf`` for the largest element.
        error_if_nonfinite: raise ``RuntimeError`` at a norm of NaN or inf, instead of spreading
            it. It reads the norm before each update, which synchronises an accelerator.

    Returns:
        A handle: ``norm`` before the cut, ``clipped`` updates, ``remove()``.

    Raises:
        TypeError, ValueError: here, or at a step whose gradients are not there yet (a closure) or
            still carry GradScaler's scale (a fused optimizer without ``scaler.unscale_``).

    Source: https://arxiv.org/abs/1211.5063 (Pascanu et al., by norm)
    """
    _refuse_optimizer(optimizer)
    if norm is None and value is None:
        raise ValueError(
            "clip was given neither norm nor value, and at least one was expected\n"
            "  do: clip(optimizer, norm=1.0), for example"
        )
    for name, limit in (("norm", norm), ("value", value)):
        if limit is not None:
            _need_positive(name, limit)
    _need_positive("norm_type", norm_type)
    return Clip(
        optimizer,
        max_norm=norm,
        value=value,
        norm_type=norm_type,
        error_if_nonfinite=error_if_nonfinite,
    )


def _holders(optimizer: Any) -> list[Tensor]:
    """List the tensors whose ``grad`` is to be cut."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [_holder(parameter) for parameter in parameters if parameter.grad is not None]


def _holder(parameter: Tensor) -> Tensor:
    # torch's functions take no sparse gradient. An embedding's holds a row once for each time that
    # it was looked up; added up, its values are a dense tensor that is cut in place.
    gradient = parameter.grad
    if gradient is None or not gradient.is_sparse:
        return parameter
    gradient = parameter.grad = gradient.coalesce()
    values = gradient._values()
    holder = values.detach()
    holder.grad = values
    return holder


def _refuse_optimizer(optimizer: Any) -> None:
    if isinstance(optimizer, (list, tuple)):
        raise TypeError(
            f"optimizer is {describe(optimizer)}, and one optimizer was expected: one norm over "
            "several has to be known before the first of them moves\n"
            "  do: clip(Together(...), norm=...) of the wrapping that steps them as one, or clip "
            "each by itself"
        )
    if not hasattr(optimizer, "register_step_pre_hook"):
        raise TypeError(
            f"optimizer is {describe(optimizer)}, and a torch.optim.Optimizer was expected\n"
            "  do: clip(optimizer, norm=1.0), with the optimizer that makes the updates"
        )
    if _asks_again(optimizer):
        raise ValueError(
            f"optimizer is {describe(optimizer)}, which computes its gradients within its step, "
            "after a clip before it\n  do: clip within the closure, after backward(): "
            "torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
        )


def _asks_again(optimizer: Any) -> bool:
    return demands_closure(optimizer) or demands_closure(core(optimizer))


def _refuse_call(stepping: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    given = [*args[1:2], kwargs.get("closure")]  # the first is the optimizer itself
    if any(closure is not None for closure in given):
        raise ValueError(
            "optimizer.step was given a closure, which computes the gradients after the clip\n"
            "  do: call loss.backward() before, and optimizer.step() without a closure"
        )
    if still_scaled(stepping):
        raise ValueError(
            f"the gradients still carry GradScaler's scale: a fused {type(stepping).__name__} "
            "takes it off within its step, after the clip\n"
            "  do: scaler.unscale_(optimizer) before scaler.step(optimizer)"
        )


def _need_positive(name: str, value: Any) -> None:
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not real:
        raise TypeError(
            f"{name}={value!r} is of type {type(value).__name__}, and a number was expected\n"
            f"  do: {name}={2.0 if name == 'norm_type' else 1.0}, for example"
        )
    if not value > 0 or (name != "norm_type" and math.isinf(value)):
        raise ValueError(
            f"{name}={value!r} was given, and a finite number above 0 was expected\n"
            f"  do: {name}={2.0 if name == 'norm_type' else 1.0}, for example"
        )
