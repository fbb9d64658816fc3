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
    that has moved the weights before it asks gets a true evaluation.
    """
    known, here = [loss], _versions(optimizer)

    def closure() -> Any:
        if known and _versions(optimizer) == here:
            return known.pop()
        known.clear()
        return reevaluate()

    return closure


def _versions(optimizer: Any) -> list[tuple[int, int]]:
    return [(p.data_ptr(), p._version) for group in optimizer.param_groups for p in group["params"]]
