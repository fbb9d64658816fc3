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


def one_fold_after_another(*, again: bool, by_model: bool = False) -> None:
    """The model is made anew for each fold, the optimizer only if ``again``."""
    torch.set_num_threads(1)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for fold in range(3):
        if fold and again:
            model = network()
            optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        elif fold:
            model = copy.deepcopy(network())
        for _ in range(12):
            x = torch.randn(16, 4)
            (model if by_model else optimizer).zero_grad()
            nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
            optimizer.step()


def masked(*, replaced: bool) -> None:
    """Weights are masked after each update; in the middle they go back to where they began."""
    torch.set_num_threads(1)
    model = network()
    start = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    mask = (torch.rand(8, 4) > 0.4).float()
    for step in range(40):
        if step == 20 and replaced:
            model = copy.deepcopy(start)
        elif step == 20:
            model.load_state_dict(start.state_dict())
        x = torch.randn(16, 4)
        model.zero_grad()
        nn.functional.cross_entropy(model(x), (x[:, 0] > 0).long()).backward()
        optimizer.step()
        with torch.no_grad():
            model[0].weight.mul_(mask)


def phases() -> None:
    """A first model is done; its optimizer is stepped once more, by a second that is trained by hand."""
    torch.set_num_threads(1)
    first, second = network(), network()
    optimizer = torch.optim.SGD(first.parameters(), lr=0.05)
    train(first, optimizer, 10)
    for _ in range(10):
        x = torch.randn(16, 4)
        nn.functional.cross_entropy(second(x), (x[:, 0] > 0).long()).backward()
        with torch.no_grad():
            for one in second.parameters():
                assert one.grad is not None
                one -= 0.05 * one.grad
                one.grad = None


@pytest.mark.parametrize(
    ("loop", "updates"),
    [
        (lambda: one_fold_after_another(again=False), 24),
        (lambda: one_fold_after_another(again=False, by_model=True), 24),
        (lambda: masked(replaced=True), 20),
    ],
)
def test_a_model_replaced_while_it_trains_is_named(loop: Callable[[], None], updates: int) -> None:
    (finding,) = watch(loop).findings
    assert finding.rule == "orphaned-optimizer"
    assert "no forward uses any more" in finding.message
    assert finding.count == updates


@pytest.mark.parametrize(
    "loop",
    [
        lambda: one_fold_after_another(again=True),
        lambda: one_fold_after_another(again=True, by_model=True),
        lambda: masked(replaced=False),
        phases,
    ],
)
def test_a_model_set_back_with_its_optimizer_is_silent(loop: Callable[[], None]) -> None:
    assert "orphaned-optimizer" not in names(loop)


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
