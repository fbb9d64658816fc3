"""Arrays that do not fit are refused in words: given, got, do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from fivestep import scratch
from fivestep.loop import Step

COLUMN, ROW = np.zeros((8, 1)), np.zeros(8)
CLASSES = np.zeros((4, 3))

ERRORS: dict[str, tuple[Callable[[], object], type[Exception], list[str]]] = {
    "a column against a row": (
        lambda: scratch.mse_loss(COLUMN, ROW),
        ValueError,
        ["(8, 1)", "(8,)", "broadcast", "do: ", "targets.reshape(prediction.shape)"],
    ),
    "a row against a column, binary": (
        lambda: scratch.binary_cross_entropy_with_logits(ROW, COLUMN),
        ValueError,
        ["(8,)", "(8, 1)", "equal shapes", "do: "],
    ),
    "a number for many": (
        lambda: scratch.mse_loss(COLUMN, np.array(1.0)),
        ValueError,
        ["(8, 1)", "()", "equal shapes", "do: "],
    ),
    "targets in a list": (
        lambda: scratch.mse_loss(ROW, [0.0] * 8),  # pyright: ignore[reportArgumentType]
        TypeError,
        ["targets", "a list of 8", "NumPy array", "np.asarray(targets)"],
    ),
    "targets in a tensor": (
        lambda: scratch.cross_entropy(CLASSES, torch.zeros(4).long()),  # pyright: ignore
        TypeError,
        ["targets", "a Tensor of shape (4,)", "NumPy array", "targets.numpy()"],
    ),
    "a class too high": (
        lambda: scratch.cross_entropy(CLASSES, np.array([0, 1, 3, 2])),
        ValueError,
        ["from 0 to 3", "classes 0 to 2", "do: count the classes from 0"],
    ),
    "a class below zero": (
        lambda: scratch.cross_entropy(CLASSES, np.array([0, 1, -1, 2])),
        ValueError,
        ["from -1 to 2", "classes 0 to 2", "do: "],
    ),
    "classes as floats": (
        lambda: scratch.cross_entropy(CLASSES, np.array([0.0, 1.0, 2.0, 0.0])),
        TypeError,
        ["float64", "integers", "do: ", "targets.astype(np.int64)"],
    ),
    "classes as truths": (
        lambda: scratch.cross_entropy(CLASSES, np.array([True, False, True, True])),
        TypeError,
        ["bool", "integers", "do: "],
    ),
    "one-hot classes": (
        lambda: scratch.cross_entropy(CLASSES, np.eye(4, 3)),
        ValueError,
        ["(4, 3)", "(batch,)", "do: ", "targets.argmax(axis=1)"],
    ),
    "classes in a column": (
        lambda: scratch.cross_entropy(CLASSES, np.zeros((4, 1), dtype=int)),
        ValueError,
        ["(4, 1)", "(batch,)", "do: "],
    ),
    "fewer classes than rows": (
        lambda: scratch.cross_entropy(CLASSES, np.array([0])),
        ValueError,
        ["(4, 3)", "(1,)", "do: "],
    ),
    "one logit a row": (
        lambda: scratch.cross_entropy(ROW, np.zeros(8, dtype=int)),
        ValueError,
        ["(8,)", "(batch, classes)", "do: "],
    ),
    "inputs in one dimension": (
        lambda: scratch.Linear(1, 1, seed=0)(ROW),
        ValueError,
        ["(8,)", "(batch, 1)", "do: ", "inputs[:, None]"],
    ),
    "inputs of other features": (
        lambda: scratch.mlp([3, 2], seed=0)(COLUMN),
        ValueError,
        ["(8, 1)", "(batch, 3)", "do: "],
    ),
    "inputs in a tensor": (
        lambda: scratch.Linear(1, 1, seed=0)(torch.zeros(8, 1)),  # pyright: ignore
        TypeError,
        ["inputs", "a Tensor of shape (8, 1)", "NumPy array", "inputs.numpy()"],
    ),
    "the module of another model": (
        lambda: scratch.copy_from(nn.Linear(2, 1), to=scratch.Linear(1, 2, seed=0)),
        ValueError,
        ["[(1, 2), (1,)]", "[(2, 1), (2,)]", "do: "],
    ),
    "a module without bias": (
        lambda: scratch.copy_from(nn.Linear(2, 1, bias=False), to=scratch.Linear(2, 1, seed=0)),
        ValueError,
        ["[(1, 2)]", "[(1, 2), (1,)]", "do: "],
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_arrays_are_refused_in_words(name: str) -> None:
    cause, error, words = ERRORS[name]
    with pytest.raises(error) as refusal:
        cause()
    message = str(refusal.value)
    assert [word for word in words if word not in message] == []
    assert message.count("\n") == 1  # given and expected on one line, what to do on the next


def test_calling_the_model_while_it_is_paused_is_refused_in_words() -> None:
    model = scratch.mlp([1, 1], seed=0)
    moments = scratch.train(
        model, scratch.mse_loss, scratch.SGD(model.parameters()), [(COLUMN, COLUMN)]
    )
    assert [next(moments).step for _ in range(3)][-1] is Step.ZERO_GRAD
    model(np.zeros((3, 1)))
    with pytest.raises(ValueError, match=r"\(8, 1\) was given, and \(3, 1\)") as refusal:
        next(moments)
    assert "model.forward(x)" in str(refusal.value)


def test_a_refused_copy_leaves_the_model_as_it_was() -> None:
    model = scratch.mlp([2, 3, 1], seed=0)
    before = [p.value.copy() for p in model.parameters()]
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(ValueError, match="same layers"):
        scratch.copy_from(module, to=model)
    assert all(np.array_equal(p.value, b) for p, b in zip(model.parameters(), before, strict=True))
