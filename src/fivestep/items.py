"""What a batch's mean loss is the mean of: samples, or tokens that count, or weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fivestep.arguments import describe
from fivestep.convert import count_samples

# The losses of torch whose mean is not one over the samples: ignored targets are left out of it,
# and with class weights it is a weighted mean.
# Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html
_BY_CLASS = (nn.CrossEntropyLoss, nn.NLLLoss)
_BY_CLASS_FUNCTIONS = (functional.cross_entropy, functional.nll_loss)
IGNORED = -100  # the default of ignore_index, of the functions too


class ByClass(NamedTuple):
    """The options of a loss over class indices that decide what its mean divides by."""

    weight: Tensor | None
    ignore_index: int


class Items:
    """Counts what the mean loss of a batch is divided by, so that means can be put together.

    Args:
        loss_fn: asked for what it leaves out: ``ignore_index`` and class weights of torch's
            ``CrossEntropyLoss`` and ``NLLLoss``, as a module, a function or a ``partial`` of one.
        count: takes a batch ``(inputs, targets)`` and returns its number of items instead.
        whole: the batch is handed out as it came, for a ``forward`` that takes all of it.
    """

    def __init__(
        self, loss_fn: Any, count: Callable[[Any], Any] | None = None, *, whole: bool = False
    ) -> None:
        self._count, self._whole = count, whole
        self._by_class = None if count is not None else by_class(loss_fn)
        self.sums = reduction_of(loss_fn) == "sum"

    def __call__(self, inputs: Any, targets: Any) -> float:
        """Return the items of one batch; 0 if nothing in it counts.

        Raises:
            TypeError, ValueError: the user's own count is no number from 0 on.
        """
        if self._count is not None:
            return _number(self._count(inputs if self._whole else (inputs, targets)))
        if self._by_class is not None and isinstance(targets, Tensor):
            found = _weight_of(targets, self._by_class)
            if found is not None:
                return found
        return count_samples(inputs, targets)

    def of_batch(self, batch: Any) -> float:
        """Return the items of a batch as a loader brings it: ``(inputs, targets)``, or any other.

        Raises:
            TypeError, ValueError: the user's own count is no number from 0 on.
        """
        if self._count is not None:
            return _number(self._count(batch))
        pair = isinstance(batch, (tuple, list)) and len(cast("Any", batch)) == 2
        return self(*cast("Any", batch)) if pair else self(batch, None)


def by_class(loss_fn: Any) -> ByClass | None:
    """Read what a loss over class indices leaves out and weighs; None for every other loss."""
    if isinstance(loss_fn, _BY_CLASS):
        return ByClass(cast("Any", loss_fn.weight), loss_fn.ignore_index)
    function, options = loss_fn, {}
    if isinstance(loss_fn, partial):
        whole = cast("partial[Any]", loss_fn)
        function, options = whole.func, whole.keywords
    if any(function is one for one in _BY_CLASS_FUNCTIONS):
        return ByClass(options.get("weight"), options.get("ignore_index", IGNORED))
    return None


def reduction_of(loss_fn: Any) -> str:
    """Read ``"mean"``, ``"sum"`` or ``"none"`` off a loss; ``"mean"`` where it does not say."""
    if isinstance(loss_fn, partial):
        return cast("partial[Any]", loss_fn).keywords.get("reduction", "mean")
    return getattr(loss_fn, "reduction", "mean")


def _weight_of(targets: Tensor, options: ByClass) -> float | None:
    if targets.is_floating_point():  # probabilities of the classes: torch divides by the samples
        return None
    counts = targets != options.ignore_index
    if options.weight is None:
        return float(counts.sum())
    return float(options.weight[targets[counts].long()].sum(dtype=torch.float64).item())


def _number(given: Any) -> float:
    try:
        number = float(given)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(
            f"items gave {describe(given)} for a batch, and a number was expected\n"
            "  do: return how many items count, e.g. items=lambda batch: (batch[1] != -100).sum()"
        ) from error
    if not math.isfinite(number) or number < 0:
        raise ValueError(
            f"items gave {number} for a batch, and a finite number from 0 on was expected\n"
            "  do: return how many items count in it"
        )
    return number
