"""An optimizer over another model is named; one that waits or is fed by hand is not."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn
from watching import names, watch


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def train(model: nn.Module, optimizer: torch.optim.Optimizer, updates: int = 15) -> None:
    torch.set_num_threads(1)
    for _ in range(updates):
        x = torch.randn(16, 4)
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
        optimizer.step()


def another_made() -> None:
    train(network(), torch.optim.SGD(network().parameters(), lr=0.1))


def made_again() -> None:
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model = network()
    train(model, optimizer)


def copied_later() -> None:
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    train(copy.deepcopy(model).double().float(), optimizer, updates=6)


def worker_and_server() -> None:
    """The gradients of a worker's copy are given to the model that is updated."""
    server, worker = network(), network()
    optimizer = torch.optim.SGD(server.parameters(), lr=0.05)
    for _ in range(12):
        worker.load_state_dict(server.state_dict())
        x = torch.randn(16, 4)
        worker.zero_grad()
        nn.functional.cross_entropy(worker(x), (x[:, 0] > 0).long()).backward()
        for mine, theirs in zip(server.parameters(), worker.parameters(), strict=True):
            mine.grad = theirs.grad
        optimizer.step()


def one_after_another() -> None:
    model = network()
    first = torch.optim.SGD(model[0].parameters(), lr=0.05)
    second = torch.optim.SGD(model[2].parameters(), lr=0.05)
    train(model, first, 5)
    train(model, second, 5)


def two_networks_in_turn() -> None:
    for model in (network(), network()):
        train(model, torch.optim.SGD(model.parameters(), lr=0.05), 8)


@pytest.mark.parametrize("loop", [another_made, made_again, copied_later])
def test_an_optimizer_over_another_model_is_named(loop: Callable[[], None]) -> None:
    (finding,) = watch(loop).findings
    assert finding.rule == "orphaned-optimizer"
    assert "holds 4 tensors that no forward uses; 4 others" in finding.message
    assert "torch.optim" in finding.fix
    assert finding.site is not None
    assert finding.site.function == loop.__name__


@pytest.mark.parametrize("loop", [worker_and_server, one_after_another, two_networks_in_turn])
def test_an_optimizer_that_finds_gradients_is_silent(loop: Callable[[], None]) -> None:
    assert "orphaned-optimizer" not in names(loop)
