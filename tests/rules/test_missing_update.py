"""An optimizer that never steps is named, unless one that it wraps steps in its place."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from watching import names


class Wrapper(torch.optim.SGD):
    """Shares the state of another and hands the step on, as Fabric's optimizers do."""

    def __init__(self, inner: torch.optim.Optimizer) -> None:
        self.__dict__.update(inner.__dict__)
        self.inner = inner

    def step(self, closure: Any = None) -> Any:
        return self.inner.step()


def loop(kind: Any, *, wrapped: bool, steps: bool) -> None:
    model = nn.Linear(4, 1)
    optimizer = kind(model.parameters(), lr=0.05)
    outer = Wrapper(optimizer) if wrapped else optimizer
    for _ in range(20):
        x = torch.randn(8, 4)
        outer.zero_grad()
        loss = (model(x) - x[:, :1]).square().mean()
        loss.backward()
        if steps:
            outer.step()


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_optimizer_that_steps_is_silent(kind: Any, wrapped: bool) -> None:
    assert names(lambda: loop(kind, wrapped=wrapped, steps=True)) == []


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("wrapped", [False, True])
def test_an_optimizer_that_never_steps_is_named(kind: Any, wrapped: bool) -> None:
    found = names(lambda: loop(kind, wrapped=wrapped, steps=False))
    assert set(found) == {"missing-update"}
