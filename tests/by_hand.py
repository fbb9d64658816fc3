"""The oracle: the loops that people write by hand, and what it means for two runs to be equal."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, cast

import torch
from torch import nn

Batch = tuple[Any, Any]
MakeOptimizer = Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


def plain_loop(model: Any, loss_fn: Any, optimizer: Any, batches: Iterable[Batch]) -> None:
    for inputs, targets in batches:
        prediction = model(inputs)
        loss = loss_fn(prediction, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def closure_loop(model: Any, loss_fn: Any, optimizer: Any, batches: Iterable[Batch]) -> None:
    for inputs, targets in batches:

        def closure(inputs: Any = inputs, targets: Any = targets) -> Any:
            optimizer.zero_grad()
            loss = loss_fn(model(inputs), targets)
            loss.backward()
            return loss

        optimizer.step(closure)


def twins(model: nn.Module, make: MakeOptimizer) -> tuple[tuple[nn.Module, Any], ...]:
    """Two models with the same weights, each with an optimizer of its own."""
    other = deepcopy(model)
    return (model, make(model.parameters())), (other, make(other.parameters()))


def assert_same(one: Any, other: Any, where: str = "") -> None:
    """Hold two values, at any depth, to the same bits."""
    assert type(one) is type(other), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype, where
        assert torch.equal(one, other), f"{where}: {one} is not {other}"
    elif isinstance(one, dict):
        table = cast("dict[Any, Any]", one)
        assert list(table) == list(other), where
        for key in table:
            assert_same(table[key], other[key], f"{where}.{key}")
    elif isinstance(one, (list, tuple)):
        row = cast("list[Any]", one)
        assert len(row) == len(other), where
        for index, (left, right) in enumerate(zip(row, other, strict=True)):
            assert_same(left, right, f"{where}[{index}]")
    else:
        assert one == other, where


def assert_same_training(one: tuple[nn.Module, Any], other: tuple[nn.Module, Any]) -> None:
    """Hold two trained models to the same weights, buffers, gradients and optimizer state."""
    for left, right in zip(one, other, strict=True):
        assert_same(dict(left.state_dict()), dict(right.state_dict()), type(left).__name__)
    gradients = [[p.grad for p in model.parameters()] for model, _ in (one, other)]
    assert_same(gradients[0], gradients[1], "gradients")
