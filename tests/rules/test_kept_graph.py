"""kept-graph: losses that keep the graphs of earlier iterations alive, and the line that does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import batches, line, network
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

NAME = "kept-graph"
Keep = Callable[[list[Any], torch.Tensor], object]


def keeping(keep: Keep, *, count: int = 14, window: int = 1) -> Callable[[], None]:
    def loop() -> None:
        model, kept = network(4, 1), list[Any]()
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        for number, (x, y) in enumerate(batches(*line(), count=count), 1):
            loss = F.mse_loss(model(x), y)
            (loss / window).backward()
            if number % window == 0:
                optimizer.step()
                optimizer.zero_grad()
            keep(kept, loss)

    return loop


def summed(kept: list[Any], loss: torch.Tensor) -> None:
    kept[:] = [kept[0] + loss] if kept else [loss]


def in_epochs() -> None:
    model, (x, y) = network(4, 1), line()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(3):
        running: Any = 0
        for inputs, targets in DataLoader(TensorDataset(x, y), 25, shuffle=True):
            optimizer.zero_grad()
            loss = ((model(inputs) - targets) ** 2).mean()
            loss.backward()
            optimizer.step()
            running += loss * len(inputs)


def one_backward_for_many() -> None:
    model = network(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(4):
        total = torch.zeros(())
        for x, y in batches(*line(), count=12):
            total = total + F.mse_loss(model(x), y)
        optimizer.zero_grad()
        total.backward()
        optimizer.step()


def gradient_penalty() -> None:
    critic = network(2, 1)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-3)
    for _ in range(30):
        x = torch.randn(16, 2, requires_grad=True)
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        loss = critic(torch.randn(16, 2)).mean() + ((slope.norm(2, 1) - 1) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def recurrent_state() -> None:
    cells, head = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 1)
    optimizer = torch.optim.Adam([*cells.parameters(), *head.parameters()], 0.01)
    state: torch.Tensor | None = None
    for _ in range(30):
        x = torch.randn(4, 5, 3)
        out, state = cells(x, state)
        state = state.detach()
        loss = F.mse_loss(head(out), x[..., :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return 2 * ctx.saved_tensors[0] * grad_outputs[0]


def custom_function() -> None:
    model = network(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for x, y in batches(*line(), count=30):
        loss: Any = Squared.apply(model(x) - y)
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()


@pytest.mark.parametrize(
    "loop",
    [
        keeping(lambda kept, loss: kept.append(loss)),
        keeping(summed, count=40),
        keeping(lambda kept, loss: kept.append({"loss": loss}), count=40, window=4),
        in_epochs,
    ],
)
def test_kept_losses_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        keeping(lambda kept, loss: kept.append(loss.item())),
        keeping(lambda kept, loss: kept.append(loss.detach())),
        keeping(lambda kept, loss: kept.__setitem__(slice(None), [*kept[-3:], loss]), count=40),
        one_backward_for_many,
        gradient_penalty,
        recurrent_state,
        custom_function,
    ],
)
def test_graphs_that_are_let_go_are_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_finds_the_line_that_keeps_the_loss() -> None:
    (finding,) = watch(in_epochs).findings
    assert finding.fix == "keep the number: `running += loss.item() * len(inputs)`"
    assert finding.evidence["graphs_alive"] == 11
    assert finding.site is not None
    assert finding.site.function == "in_epochs"
