"""A loss of several named terms: ``"loss"`` is what is minimised, all of them are recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from fivestep.arguments import describe
from fivestep.convert import widened


class Terms:
    """Calls a loss and keeps the terms of its last answer, if it answered with several.

    Args:
        loss_fn: takes the prediction and the targets; returns a scalar, or a dict of scalars with
            the key ``"loss"``. The values of the other keys may be numbers without a gradient.
    """

    def __init__(self, loss_fn: Callable[[Any, Any], Any]) -> None:
        self._loss_fn = loss_fn
        self.last: dict[str, Any] = {}  # the other terms, as they came

    def __call__(self, prediction: Any, targets: Any) -> Any:
        """Return what is minimised.

        Raises:
            ValueError: the dict has no ``"loss"``.
            TypeError: a term is no number.
        """
        answer = self._loss_fn(prediction, targets)
        if not isinstance(answer, Mapping):
            self.last = {}
            return answer
        terms = cast("Mapping[str, Any]", answer)
        if "loss" not in terms:
            raise ValueError(
                f"the loss gave a dict with {sorted(map(str, terms))}, and none of them is 'loss', "
                "which is what is minimised\n"
                "  do: return {'loss': first + second, 'first': first, 'second': second}"
            )
        self.last = {str(name): _scalar(name, value) for name, value in terms.items()}
        return self.last.pop("loss")

    def read(self) -> dict[str, float]:
        """Read the other terms of the last answer: one synchronisation on an accelerator."""
        tensors = {name: one for name, one in self.last.items() if isinstance(one, Tensor)}
        plain = {name: float(one) for name, one in self.last.items() if name not in tensors}
        if not tensors:
            return plain
        values = torch.stack([widened(one.detach()).reshape(()) for one in tensors.values()])
        return plain | dict(zip(tensors, values.tolist(), strict=True))


def _scalar(name: Any, value: Any) -> Any:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value
    if isinstance(value, (int, float)):
        return value
    raise TypeError(
        f"the term {name!r} of the loss is {describe(value)}, and a scalar was expected\n"
        "  do: reduce it, e.g. .mean(), or leave it out of the dict"
    )
