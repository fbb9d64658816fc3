"""What ``scratch.py`` asks of its arrays, where NumPy would broadcast or fail without a reason."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fivestep.arguments import describe

Array = NDArray[Any]


def need_rows(inputs: Any, features: int) -> None:
    """Refuse inputs that are not an array of shape (batch, features)."""
    _need_array("inputs", inputs)
    _need(
        inputs.ndim == 2 and inputs.shape[1] == features,
        f"inputs {inputs.shape} were given, and (batch, {features}) was expected",
        do="give one row for each sample; inputs[:, None] makes a column of a single feature",
    )


def need_latest(gradient: Array, output: Array) -> None:
    """Refuse a gradient that does not belong to the latest output of the layer."""
    _need(
        gradient.shape == output.shape,
        f"a gradient {gradient.shape} was given, and {output.shape} was expected, the shape of "
        "the latest output",
        do="look at a paused model with model.forward(x): it leaves alone what backward needs",
    )


def need_same_shape(prediction: Array, targets: Any) -> None:
    """Refuse targets that are not an array shaped like the prediction."""
    _need_array("targets", targets)
    _need(
        prediction.shape == targets.shape,
        f"prediction {prediction.shape} and targets {targets.shape} were given, and equal shapes "
        "were expected: broadcasting would compare every prediction with every target",
        do="make the shapes equal; targets.reshape(prediction.shape) if there are as many",
    )


def need_classes(logits: Array, targets: Any) -> None:
    """Refuse targets that are not one class number, an integer, for each row of the logits."""
    _need_array("targets", targets)
    _need(
        logits.ndim == 2 and targets.shape == logits.shape[:1],
        f"logits {logits.shape} and targets {targets.shape} were given, and (batch, classes) and "
        "(batch,) were expected",
        do="give each row one class number; for one-hot targets, targets.argmax(axis=1)",
    )
    _need(
        np.issubdtype(targets.dtype, np.integer),
        f"targets of {targets.dtype} were given, and integers were expected, the class numbers",
        do="convert them: targets.astype(np.int64)",
        error=TypeError,
    )
    low, high, last = targets.min(initial=0), targets.max(initial=0), logits.shape[1] - 1
    _need(
        low >= 0 and high <= last,
        f"targets from {low} to {high} were given, and classes 0 to {last} were expected",
        do="count the classes from 0, and give the model one output for each",
    )


def need_matching(given: list[Any], expected: list[Any]) -> None:
    """Refuse to copy between models whose parameters differ in number, order or shape."""
    _need(
        given == expected,
        f"parameters of the shapes {given} were given, and {expected} were expected",
        do="build both models from the same layers in the same order",
    )


def _need_array(name: str, value: Any) -> None:
    _need(
        isinstance(value, np.ndarray),
        f"{name} were given as {describe(value)}, and a NumPy array was expected",
        do=f"convert them: np.asarray({name}), or {name}.numpy() for a tensor",
        error=TypeError,
    )


def _need(holds: bool, message: str, *, do: str, error: type[Exception] = ValueError) -> None:
    if not holds:
        raise error(f"{message}\n  do: {do}")
