"""How a loss was asked: what became of the prediction before, which argument is which.

That is found by comparing numbers, so that the same question can be put about other predictions.
"""
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fivestep.page.pure import why_not
from fivestep.page.values import class_name

BETWEEN: dict[str, Callable[[Tensor], Tensor]] = {
    "": lambda one: one,
    "sigmoid": torch.sigmoid,
    "softmax": functools.partial(torch.softmax, dim=-1),
    "log_softmax": functools.partial(torch.log_softmax, dim=-1),
    "tanh": torch.tanh,
}
LOGITS = frozenset({"binary_cross_entropy_with_logits", "BCEWithLogitsLoss"})
PROBABILITIES = frozenset({"binary_cross_entropy", "BCELoss"})


@dataclass
class Judging:
    """A loss, and what it was given.

    Args:
        name: of the loss.
        find: the loss, while it is there.
        first: the prediction is the first argument, the targets the second.
        between: what the script did to the prediction before, one of ``BETWEEN``.
        form: the shape of one prediction as the loss had it.
        rest: further arguments.
        named: those by name.
        targets: of this batch.
    """

    name: str
    find: Callable[[], Any]
    first: bool
    between: str
    form: tuple[int, ...]
    rest: tuple[Any, ...]
    named: dict[str, Any]
    targets: Tensor

    def again(self, output: Tensor, targets: Tensor) -> Tensor:
        """The loss of another answer of the model."""
        asked = BETWEEN[self.between](output).reshape(-1, *self.form)
        pair = (asked, targets) if self.first else (targets, asked)
        return self.find()(*pair, *self.rest, **self.named)

    def why_not(self) -> str:
        """Why it cannot be asked again unnoticed; "" if it can."""
        loss = self.find()
        if loss is None:
            return "the loss is there no more"
        return why_not(loss) if isinstance(loss, nn.Module) else ""


def judged(call: Any, args: Any, kwargs: Any, output: Tensor) -> Judging | None:
    """Find out how a loss was asked of this output; None if it was not."""
    named = dict(kwargs)
    pair = list(args[:2])
    for name in ("input", "target")[len(pair) :]:
        if name in named:
            pair.append(named.pop(name))
    if len(pair) < 2 or not all(isinstance(one, Tensor) for one in pair):
        return None
    for first in (True, False):
        given, targets = pair if first else reversed(pair)
        found = _between(output, given)
        if found is not None and _is_target(targets, len(output)):
            name, find = _named(call)
            return Judging(name, find, first, *found, tuple(args[2:]), named, targets)
    return None


def explains(loss: Tensor, output: Tensor, targets: Tensor) -> bool:
    """Tell whether a loss that was written by hand is a usual one of these two."""
    if loss.numel() != 1 or output.numel() != targets.numel() or not output.is_floating_point():
        return False
    apart = (output.reshape(-1) - targets.reshape(-1)).double()
    usual = [apart.square().mean(), apart.square().sum(), apart.abs().mean(), apart.abs().sum()]
    squares = [usual[0] / 2, usual[1] / 2, usual[0].sqrt()]
    value = loss.detach().double().reshape(())
    return any(torch.isclose(value, one, rtol=1e-4, atol=1e-9) for one in [*usual, *squares])


def _named(call: Any) -> tuple[str, Callable[[], Any]]:
    if isinstance(call, nn.Module):
        # One of torch's own may be made anew in each iteration.
        lasting = type(call).__module__ == "torch.nn.modules.loss"
        return class_name(type(call)), (lambda: call) if lasting else weakref.ref(call)
    name = str(call.__name__)  # one of torch.nn.functional
    return name, lambda: getattr(torch.nn.functional, name)


def _between(output: Tensor, given: Tensor) -> tuple[str, tuple[int, ...]] | None:
    same = given.numel() == output.numel() and given.dim() and len(given) == len(output)
    if not same or given.dtype != output.dtype:
        return None
    for name, change in BETWEEN.items():
        if _same(change(output).reshape(given.shape), given):
            return name, tuple(given.shape[1:])
    return None


def _same(one: Tensor, other: Tensor) -> bool:
    """Equal to the last bit, and what is no number in the one is none in the other."""
    return torch.allclose(one, other, rtol=0.0, atol=0.0, equal_nan=True)


def _is_target(targets: Tensor, count: int) -> bool:
    return (
        not targets.requires_grad
        and not targets.is_complex()
        and targets.dim() in (1, 2)
        and len(targets) == count
    )
