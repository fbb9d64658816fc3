"""evaluation-graph: graphs for nothing, and graphs that are used later or elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

NAME = "evaluation-graph"


def network(outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, outputs))


def data(count: int = 64) -> TensorDataset:
    y = torch.randint(3, (count,))
    return TensorDataset(torch.randn(count, 6) + y.unsqueeze(1), y)


def fit(model: nn.Module, optimizer: Any = None) -> None:
    optimizer = optimizer or torch.optim.SGD(model.parameters(), 0.1)
    for x, y in DataLoader(data(), 16):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


# -- sick ---------------------------------------------------------------------------------------


def validation_loop() -> None:
    model = network()
    for _ in range(2):
        model.train()
        fit(model)
        model.eval()
        for x, y in DataLoader(data(), 16):
            F.cross_entropy(model(x), y).item()


def accuracy_every_tenth_step() -> None:
    model, test = network(), data()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for step, (x, y) in enumerate(DataLoader(data(320), 8)):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            predicted = torch.max(model(test.tensors[0]), 1)[1].data
            (predicted == test.tensors[1]).float().mean().item()


def loss_by_hand_in_eval_mode() -> None:
    model, x, y = network(1), torch.randn(32, 6), torch.randn(32, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(6):
        model.train()
        optimizer.zero_grad()
        ((model(x) - y) ** 2).mean().backward()
        optimizer.step()
        model.eval()
        ((model(x + 1) - y) ** 2).mean().item()


SICK = {
    "validation-loop": validation_loop,
    "accuracy": accuracy_every_tenth_step,
    "by-hand": loss_by_hand_in_eval_mode,
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_graphs_for_nothing_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


def test_message_counts_the_forwards_and_names_the_line() -> None:
    (finding,) = watch(validation_loop).findings
    assert finding.message == "8 evaluations of Sequential build a graph for nothing"
    assert finding.severity.value == "costly"
    assert finding.site is not None
    assert finding.site.function == "validation_loop"


# -- healthy ------------------------------------------------------------------------------------


def saliency() -> None:
    model = network()
    fit(model)
    model.eval()
    for x, y in DataLoader(data(), 8):
        x.requires_grad_()
        F.cross_entropy(model(x), y).backward()


def derivative_of_the_input() -> None:
    model = network(1)
    fit(nn.Sequential(model, nn.Linear(1, 3)))
    model.eval()
    for x, _ in DataLoader(data(), 8):
        x.requires_grad_()
        torch.autograd.grad(model(x).sum(), x)


def detached_fakes() -> None:
    generator, critic = network(6), network(1)
    ours, theirs = (torch.optim.Adam(one.parameters(), 1e-3) for one in (generator, critic))
    for _ in range(8):
        theirs.zero_grad()
        (
            critic(generator(torch.randn(8, 6)).detach()).mean() - critic(torch.randn(8, 6)).mean()
        ).backward()
        theirs.step()
        ours.zero_grad()
        (-critic(generator(torch.randn(8, 6))).mean()).backward()
        ours.step()


def episodes_in_eval_mode() -> None:
    policy = network(2)
    policy.eval()
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    for _ in range(6):
        kept: list[Any] = []
        for _ in range(10):
            choice = torch.distributions.Categorical(logits=policy(torch.randn(1, 6)))
            kept.append(choice.log_prob(choice.sample()))
        optimizer.zero_grad()
        (-torch.cat(kept) * torch.randn(10)).mean().backward()
        optimizer.step()


def value_of_the_next_state() -> None:
    critic = network(1)
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(10):
        x = torch.randn(8, 6)
        expected = torch.randn(8, 1) + 0.9 * critic(x + 0.1)
        loss = F.smooth_l1_loss(critic(x), expected.detach())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def one_look() -> None:
    model = network()
    fit(model)
    x, y = data().tensors
    model.eval()
    F.cross_entropy(model(x), y).item()


def batches_left_out() -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for step, (x, y) in enumerate(DataLoader(data(160), 8)):
        loss = F.cross_entropy(model(x), y)
        if step % 3 == 1:
            continue
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


HEALTHY = [
    saliency, derivative_of_the_input, detached_fakes, episodes_in_eval_mode,
    value_of_the_next_state, one_look, batches_left_out,
]  # fmt: skip


@pytest.mark.parametrize("loop", HEALTHY)
def test_graphs_that_serve_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
