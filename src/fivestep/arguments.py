"""How the inputs of a batch become the arguments of a model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def pairs(batches: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Hand on every batch as ``(inputs, targets)``.

    Raises:
        TypeError: a batch is something else. A tensor is refused too: one that happens to have
            two rows would come apart into "inputs" and "targets" without a word.
    """
    for number, batch in enumerate(batches, start=1):
        if not isinstance(batch, (tuple, list)) or len(cast("list[Any]", batch)) != 2:
            raise TypeError(
                f"batch {number} is {describe(batch)}, and a pair (inputs, targets) was expected\n"
                "  do: make the data set return (inputs, targets); several inputs go into one "
                "tuple or dict: ((a, b), targets)"
            )
        inputs, targets = cast("tuple[Any, Any]", batch)
        yield inputs, targets


def describe(value: Any) -> str:
    """Say in a few words what a value is: its shape where it has one, else its type and length."""
    if hasattr(value, "shape"):
        return f"a {type(value).__name__} of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list, dict, set)):
        return f"a {type(cast('Any', value)).__name__} of {len(cast('list[Any]', value))}"
    return "None" if value is None else f"of type {type(value).__name__}"


class Forward:
    """The user's own ``forward(model, batch)``, called as a model is called: with the batch."""

    def __init__(self, forward: Callable[[Any, Any], Any], model: Callable[..., Any]) -> None:
        self._forward, self._model = forward, model

    def __call__(self, batch: Any) -> Any:
        """Return the prediction for one whole batch."""
        return self._forward(self._model, batch)


def spread(model: Callable[..., Any]) -> Callable[[Any], Arguments]:
    """Make the function that turns ``inputs`` into the ``(args, kwargs)`` of ``model``.

    A tuple becomes positional arguments and a dict, or any other mapping, keyword arguments if the
    model's ``forward`` takes them so; otherwise, and for every other type (a list, a named tuple
    such as ``PackedSequence``), the inputs are the one argument. ``forward(self, a, b)`` and
    ``forward(self, pair)`` both work.
    """
    if isinstance(model, Forward):
        return lambda inputs: ((inputs,), {})
    signature = _signature(model)

    def arguments(inputs: Any) -> Arguments:
        if type(cast("object", inputs)) is tuple and _fits(signature, inputs, {}):
            return inputs, {}
        if isinstance(inputs, Mapping) and _fits(signature, (), cast("Any", inputs)):
            return (), cast("Any", inputs)
        return (inputs,), {}

    return arguments


def _signature(model: Any) -> inspect.Signature | None:
    try:
        signature = inspect.signature(getattr(model, "forward", model))
    except (TypeError, ValueError):  # built in C: nothing is known, so nothing is refused
        return None
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    if kinds == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        # DDP, DataParallel and torch.compile take anything and hand it on: ask what they wrap.
        inner = getattr(model, "_orig_mod", None) or getattr(model, "module", None)
        return _signature(inner) if inner is not None else signature
    return signature


def _fits(
    signature: inspect.Signature | None, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    if signature is None:
        return True
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
