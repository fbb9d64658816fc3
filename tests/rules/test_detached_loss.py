"""detached-loss: where the graph is cut, and where it is cut on purpose."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, line, lumps, network
from torch import nn
from watching import names, watch

NAME = "detached-loss"


def cut(loss_fn: Callable[[torch.Tensor, torch.Tensor], Any]) -> Callable[[], None]:
    """A regression; a loss without a graph ends it."""

    def loop() -> None:
        with suppress(RuntimeError):
            fit(network(4, 1), loss_fn, batches(*line(), count=10))

    return loop


def cut_classes(loss_fn: Loss) -> Callable[[], None]:
    def loop() -> None:
        with suppress(RuntimeError):
            fit(network(8, 3), loss_fn, batches(*lumps(), count=10))

    return loop


def leaf(loss: torch.Tensor) -> torch.Tensor:
    loss.requires_grad = True
    return loss


def in_numpy(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    error = p.detach().numpy() - y.numpy()
    return torch.tensor(float(np.mean(error**2)), requires_grad=True)


def wrapped_again(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.mse_loss(torch.tensor(p.tolist(), requires_grad=True), y)


def step(optimizer: torch.optim.Optimizer, loss: Any) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def attack() -> None:
    """The first backward is for the input."""
    model = network(8, 3)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for x, y in batches(*lumps()):
        x.requires_grad_()
        loss: Any = F.cross_entropy(model(x), y)
        loss.backward()
        assert x.grad is not None
        step(optimizer, F.cross_entropy(model((x + 0.1 * x.grad.sign()).detach()), y))


def split_model() -> None:
    """The gradient is handed over the cut by hand."""
    lower, upper = network(8, 6), nn.Linear(6, 3)
    optimizer = torch.optim.SGD([*lower.parameters(), *upper.parameters()], 0.05)
    for x, y in batches(*lumps()):
        hidden: Any = lower(x)
        received = hidden.detach().requires_grad_()
        loss: Any = F.cross_entropy(upper(received), y)
        optimizer.zero_grad()
        loss.backward()
        hidden.backward(received.grad)
        optimizer.step()


def cached_embeddings() -> None:
    """The loss of a large batch on embeddings cut off, their gradients passed on."""
    model = network(6, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(20):
        hidden: Any = model(torch.randn(16, 6))
        cached = hidden.detach().requires_grad_()
        unit = F.normalize(cached, dim=1)
        loss: Any = F.cross_entropy(5 * unit @ unit.T, torch.arange(16))
        optimizer.zero_grad()
        loss.backward()
        hidden.backward(cached.grad)
        optimizer.step()


def teacher() -> None:
    model = network(8, 3)
    slow = copy.deepcopy(model).requires_grad_(requires_grad=False)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for x, y in batches(*lumps()):
        step(optimizer, F.mse_loss(model(x), slow(x)) + F.cross_entropy(model(x), y))
        with torch.no_grad():
            for mean, now in zip(slow.parameters(), model.parameters(), strict=True):
                mean.mul_(0.9).add_(now, alpha=0.1)


def image_by_gradient() -> None:
    model = network(4, 3).requires_grad_(requires_grad=False)
    picture = torch.randn(1, 4, requires_grad=True)
    optimizer = torch.optim.Adam([picture], 0.1)
    for _ in range(20):
        step(optimizer, F.mse_loss(model(picture), torch.ones(1, 3)))


def actor_and_critic() -> None:
    actor, critic = network(4, 1, nn.Tanh()), network(5, 1)
    actors = torch.optim.Adam(actor.parameters(), 1e-3)
    critics = torch.optim.Adam(critic.parameters(), 1e-3)
    for _ in range(20):
        state = torch.randn(16, 4)
        action = actor(state).detach()
        step(critics, F.mse_loss(critic(torch.cat([state, action], 1)), state[:, :1] * action))
        step(actors, -critic(torch.cat([state, actor(state)], 1)).mean())


class StraightThrough(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(self.first(x))
        return self.second(hidden + (hidden.sign() - hidden).detach())


def numbers_of_several(count: int = 3, *, weight: float = 1.0) -> Callable[[], None]:
    """The losses of several batches, as numbers, in a new tensor."""

    def loop() -> None:
        model = network(4, 1)
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        data = batches(*line(), count=10 * count)
        for _ in range(10):
            losses = [F.mse_loss(model(x), y).item() for x, y in (next(data) for _ in range(count))]
            step(optimizer, weight * torch.tensor(losses, requires_grad=True).mean())

    return loop


def numbers_of_actions() -> None:
    """REINFORCE with the logarithms of the probabilities as numbers."""
    policy = network(4, 2)
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    for length in (5, 7, 6, 9, 4, 8):
        logs = list[float]()
        for _ in range(length):
            choice: Any = torch.distributions.Categorical(logits=policy(torch.randn(1, 4)))
            logs.append(choice.log_prob(choice.sample()).item())
        step(optimizer, -(torch.tensor(logs, requires_grad=True) * torch.rand(length)).sum())


def multiplier(*, apart: bool) -> Callable[[], None]:
    """A Lagrange multiplier, raised by hand, against the number that the constraint has cost."""

    def loop() -> None:
        model, factor = network(4, 1), torch.tensor([1.0], requires_grad=True)
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for x, y in batches(*line()):
            cost: Any = model(x).abs().mean()
            step(optimizer, F.mse_loss(model(x), y) + factor.item() * cost)
            if apart:
                cost = F.l1_loss(model(x), y)
            dual: Any = -(factor * (cost.item() - 0.5)).sum()
            dual.backward()
            with torch.no_grad():
                assert factor.grad is not None
                factor.sub_(0.01 * factor.grad).clamp_(min=0)
            factor.grad = None

    return loop


def scales_of_experts() -> None:
    """As many trained scales as forwards: they are used beside the forwards' graphs."""
    parts = [network(4, 1) for _ in range(3)]
    scales = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.Adam([p for one in parts for p in one.parameters()], 1e-2)
    for x, y in batches(*line()):
        outputs = torch.stack([one(x) for one in parts])
        step(optimizer, F.mse_loss((scales.softmax(0)[:, None, None] * outputs).sum(0), y))


def temperature_on_numbers() -> None:
    """A trained model's answers are kept, and one number is fitted on them."""
    model = network(8, 3)
    fit(model, nn.CrossEntropyLoss(), batches(*lumps()))
    heat = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.Adam([heat], 1e-2)
    for x, y in batches(*lumps()):
        answers = model(x).detach()
        step(optimizer, F.cross_entropy(answers / heat, y))


@pytest.mark.parametrize(
    "loop",
    [
        numbers_of_several(),
        numbers_of_several(2, weight=0.5),
        numbers_of_several(1, weight=0.5),
        numbers_of_actions,
        cut(lambda p, y: F.mse_loss(p.data, y)),
        cut(lambda p, y: F.mse_loss(p.detach(), y)),
        cut(lambda p, y: leaf(F.mse_loss(p.data, y))),
        cut(lambda p, y: torch.tensor(F.mse_loss(p, y).item(), requires_grad=True)),
        cut(lambda p, y: F.mse_loss(p, y).detach().requires_grad_()),
        cut(lambda p, y: torch.from_numpy((p.detach().numpy() - y.numpy()) ** 2).mean()),
        cut(in_numpy),
        cut(wrapped_again),
        cut(lambda p, y: ((p.detach().requires_grad_() - y) ** 2).mean()),
        cut_classes(lambda p, y: (p.argmax(1) != y).float().mean()),
        cut_classes(lambda p, y: leaf(F.mse_loss(p.argmax(1).float(), y.float()))),
        cut_classes(lambda p, y: F.mse_loss(leaf(p.argmax(1).float()), y.float())),
    ],
)
def test_a_cut_graph_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        attack,
        split_model,
        cached_embeddings,
        teacher,
        image_by_gradient,
        actor_and_critic,
        multiplier(apart=False),
        multiplier(apart=True),
        scales_of_experts,
        temperature_on_numbers,
        lambda: fit(StraightThrough(), nn.MSELoss(), batches(*line())),
    ],
)
def test_cuts_on_purpose_are_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_says_which_tensor_is_new() -> None:
    (loss,) = watch(cut(in_numpy)).findings
    assert loss.message.startswith("the loss is a new tensor")
    assert loss.count == 10
    (prediction,) = watch(cut(wrapped_again)).findings
    assert "made of a new tensor (16, 1) and not of the prediction" in prediction.message
    (error,) = watch(cut(lambda p, y: F.mse_loss(p.data, y))).findings
    assert "does not require grad" in str(error.evidence["error"])
