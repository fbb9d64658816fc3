"""A loss of several named terms: ``"loss"`` is what is minimised, all of them are recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from fivestep.arguments import describe
from fivestep.convert import widened

# What a record of a run holds of its own; names that begin with "validation_" besides.
TAKEN = frozenset((
    "kind", "when", "epoch", "iteration", "update", "loss", "gradient_norm", "learning_rate",
    "learning_rates", "seconds", "samples_per_second", "skipped",
))  # fmt: skip


class Terms:
    """Calls a loss and keeps the terms of its last answer, if it answered with several.

    Args:
        loss_fn: takes the prediction and the targets; returns a scalar, or a dict of scalars with
            the key ``"loss"``. The values of the other keys may be numbers without a gradient.

    Attributes:
        last: the other terms of the last answer, as they came.
        names: what the other terms of the first dict are called; None as long as there is none.
    """

    def __init__(self, loss_fn: Callable[[Any, Any], Any]) -> None:
        self._loss_fn = loss_fn
        self.last: dict[str, Any] = {}
        self.names: list[str] | None = None

    def __call__(self, prediction: Any, targets: Any) -> Any:
        """Return what is minimised.

        Raises:
            ValueError: the dict has no ``"loss"``, or a term has a name that is taken.
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
        last = {str(name): _scalar(name, value) for name, value in terms.items()}
        loss = last.pop("loss")
        _refuse_taken(last)
        self.names, self.last = self.names or list(last), last
        return loss

    def read(self) -> dict[str, float]:
        """Read the other terms of the last answer: one synchronisation on an accelerator."""
        tensors = {name: one for name, one in self.last.items() if isinstance(one, Tensor)}
        plain = {name: float(one) for name, one in self.last.items() if name not in tensors}
        if not tensors:
            return plain
        values = torch.stack([widened(one.detach()).reshape(()) for one in tensors.values()])
        found = plain | dict(zip(tensors, values.tolist(), strict=True))
        return {name: found[name] for name in self.last}


def _refuse_taken(terms: dict[str, Any]) -> None:
    for name in terms:
        if name in TAKEN or name.startswith("validation_"):
            raise ValueError(
                f"the loss gave a term {name!r}, and the record of a run has other values of that "
                f"name\n  do: call it by another one, for example {'loss_' + name!r}"
            )


def _scalar(name: Any, value: Any) -> Any:
    if isinstance(value, Tensor) and value.numel() == 1:
        return value
    if isinstance(value, (int, float)):
        return value
    raise TypeError(
        f"the term {name!r} of the loss is {describe(value)}, and a scalar was expected\n"
        "  do: reduce it, e.g. .mean(), or leave it out of the dict"
    )
