"""Optimizers that ask for the loss again on their way, such as LBFGS, and what they are handed."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def demands_closure(optimizer: Any) -> bool:
    """Tell whether ``optimizer.step`` cannot be called without a closure."""
    try:
        parameters = inspect.signature(optimizer.step).parameters
    except (TypeError, ValueError):  # built in C, or no signature to be had
        return False
    closure = parameters.get("closure")
    return closure is not None and closure.default is inspect.Parameter.empty


def starting_from(loss: Any, reevaluate: Callable[[], Any], optimizer: Any) -> Callable[[], Any]:
    """Make the closure of one update: its first call answers with what is known already.

    The loss and the gradients have just been computed, so an optimizer that starts from where the
    weights stand gets them for nothing, and the model runs exactly as often as in a hand-written
    ``optimizer.step(closure)``: the same dropout masks, the same BatchNorm statistics. An optimizer
    that has touched the weights or the gradients before it asks gets a true evaluation.
    """
    known, before = [loss], _copy(optimizer)

    def closure() -> Any:
        if known and _unchanged(optimizer, before):
            before.clear()
            return known.pop()
        known.clear()
        return reevaluate()

    return closure


# Values are compared, not version counters: `p.data.add_` and fused kernels do not raise those.


def _copy(optimizer: Any) -> list[Any]:
    return [None if t is None else t.detach().clone() for t in _weights_and_gradients(optimizer)]


def _unchanged(optimizer: Any, before: list[Any]) -> bool:
    pairs = zip(_weights_and_gradients(optimizer), before, strict=True)
    return all(
        now is then if now is None or then is None else now.to_dense().equal(then.to_dense())
        for now, then in pairs
    )


def _weights_and_gradients(optimizer: Any) -> list[Any]:
    return [t for group in optimizer.param_groups for p in group["params"] for t in (p, p.grad)]
