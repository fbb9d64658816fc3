"""A graph kept for nothing is named; one that a later backward or derivative may need is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from watching import names, watch


def start() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def slope(model: nn.Module, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    t = t.clone().requires_grad_(True)
    u = model(t)
    (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
    return u, du


def equation() -> None:
    """The derivative comes first; the backward that keeps its graph is the last to use it."""
    model, optimizer = start()
    for _ in range(12):
        u, du = slope(model, torch.rand(16, 1))
        loss = (du + u).square().mean() + (model(torch.zeros(1, 1)) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        optimizer.step()


def derived_after() -> None:
    """The graph is kept for the derivative that follows."""
    model, optimizer = start()
    for _ in range(12):
        t = torch.rand(16, 1, requires_grad=True)
        loss = (model(t) - t.detach().cos()).square().mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        torch.autograd.grad(loss, t)
        optimizer.step()


def derived_in_the_next() -> None:
    """The graph is kept for a derivative that comes with the next batch of the window."""
    model, optimizer = start()
    graphs: list[tuple[torch.Tensor, torch.Tensor]] = []
    for at in range(24):
        t = torch.rand(16, 1, requires_grad=True)
        loss = (model(t) - t.detach().cos()).square().mean()
        if graphs:
            torch.autograd.grad(*graphs.pop())
        if at % 2 == 0:
            optimizer.zero_grad()
            loss.backward(retain_graph=True)
            graphs.append((loss, t))
            continue
        loss.backward()
        optimizer.step()


def derived_now_and_then() -> None:
    model, optimizer = start()
    for at in range(40):
        t = torch.rand(16, 1, requires_grad=True)
        loss = (model(t) - t.detach().cos()).square().mean()
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        if at % 13 == 12:
            torch.autograd.grad(loss, t)
        optimizer.step()


def equation_and_second_backward() -> None:
    model, optimizer = start()
    for _ in range(12):
        u, du = slope(model, torch.rand(16, 1))
        first, second = (du + u).square().mean(), u.square().mean()
        optimizer.zero_grad()
        first.backward(retain_graph=True)
        second.backward()
        optimizer.step()


SILENT: list[Callable[[], None]] = [
    derived_after,
    derived_in_the_next,
    derived_now_and_then,
    equation_and_second_backward,
]


def test_a_derivative_before_it_needs_no_retained_graph() -> None:
    (finding,) = watch(equation).findings
    assert finding.rule == "retained-graph"
    assert finding.count == 12
    assert finding.fix == "leave it out: `loss.backward()`"


@pytest.mark.parametrize("loop", SILENT, ids=lambda loop: loop.__name__)
def test_a_graph_that_is_needed_later_is_silent(loop: Callable[[], None]) -> None:
    assert names(loop) == []
