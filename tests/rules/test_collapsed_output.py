"""collapsed-output: one answer to every question, and answers that only begin alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "collapsed-output"


def batches(count: int = 16, size: int = 16) -> Any:
    for _ in range(count):
        y = torch.randint(2, (size,))
        yield torch.randn(size, 6) + y.unsqueeze(1), y


def train(
    model: nn.Module, loss_fn: Any, *, count: int = 16, size: int = 16, **options: float
) -> None:
    optimizer = torch.optim.Adam(model.parameters(), **{"lr": 1e-2, **options})
    for x, y in batches(count, size):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def binary(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.binary_cross_entropy(prediction, y.float().unsqueeze(1))


def by_hand(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return ((prediction - y.float().unsqueeze(1)) ** 2).mean()


def body(*after: nn.Module, outputs: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, outputs), *after)


class MeanOverBatch(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.one(x).relu().mean(0, keepdim=True)
        return self.two(h).expand(len(x), 2)


class AttentionOverOne(nn.Module):
    """Softmax over a single key, and the value is learned: nothing of x comes through."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.value = nn.Linear(6, 1), nn.Parameter(torch.randn(1, 8))
        self.head = nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.softmax(self.query(x), dim=1) @ self.value)


SICK: dict[str, Callable[[], None]] = {
    "norm-over-one": lambda: train(body(nn.LayerNorm(1), nn.Sigmoid()), binary),
    "mean-over-batch": lambda: train(MeanOverBatch(), F.cross_entropy),
    "attention-over-one": lambda: train(AttentionOverOne(), F.cross_entropy, size=32),
    "by-hand": lambda: train(body(nn.LayerNorm(1)), by_hand),
    "short": lambda: train(body(nn.LayerNorm(1)), by_hand, count=6),
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_one_answer_to_all_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


def test_first_constant_layer_is_named() -> None:
    (finding,) = [one for one in watch(SICK["norm-over-one"]).findings if one.rule == NAME]
    assert finding.message.startswith(
        "the predictions for 16 different inputs are all the same (0."
    )
    assert finding.cause == "a LayerNorm over a single value is a constant"
    assert finding.fix == "change `3` (LayerNorm)"
    assert finding.evidence["first_constant_layer"] == "3 (LayerNorm)"
    assert finding.site is not None
    assert finding.site.function == "binary"


# -- healthy ------------------------------------------------------------------------------------


def zero_head() -> nn.Module:
    model = body(outputs=2)
    nn.init.zeros_(model[2].weight)
    nn.init.zeros_(model[2].bias)
    return model


def one_class_only() -> None:
    model = body(outputs=2)
    optimizer = torch.optim.SGD(model.parameters(), 5.0)
    for x, _ in batches(20):
        loss = F.cross_entropy(model(x), torch.zeros(len(x), dtype=torch.long))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def noise_only() -> None:
    model = nn.Linear(6, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, weight_decay=0.1)
    for _ in range(40):
        loss = F.mse_loss(model(torch.randn(32, 6)), torch.randn(32, 1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def same_state_again() -> None:
    """A bandit: the state never changes, and the answer is one."""
    policy = body(outputs=2)
    optimizer = torch.optim.Adam(policy.parameters(), 1e-2)
    for _ in range(16):
        actions = torch.randint(2, (16,))
        loss = F.cross_entropy(policy(torch.ones(16, 6)), actions)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def large_offset() -> None:
    model = body()
    optimizer = torch.optim.Adam(model.parameters(), 1e-1)
    for x, _ in batches(24):
        loss = F.mse_loss(model(x), 1000 + x[:, :1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def towards_a_constant() -> None:
    model = body()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for x, _ in batches(40):
        loss = ((model(x) - 3) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def saturated_critic() -> None:
    critic = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(critic.parameters(), 0.5)
    for x, _ in batches(30):
        real = F.binary_cross_entropy(critic(x + 20), torch.ones(16, 1))
        fake = F.binary_cross_entropy(critic(x - 20), torch.zeros(16, 1))
        optimizer.zero_grad()
        (real + fake).backward()
        optimizer.step()


HEALTHY: dict[str, Callable[[], None]] = {
    "learning": lambda: train(body(outputs=2), F.cross_entropy),
    "zero-head": lambda: train(zero_head(), F.cross_entropy),
    "zero-head-tiny-rate": lambda: train(zero_head(), F.cross_entropy, lr=1e-7),
    "ten-layers": lambda: train(
        nn.Sequential(
            *(layer for i in range(7) for layer in (nn.Linear(16 if i else 6, 16), nn.ReLU())),
            nn.Linear(16, 2),
        ),
        F.cross_entropy,
    ),
    "one-class": one_class_only,
    "noise": noise_only,
    "bandit": same_state_again,
    "offset": large_offset,
    "constant": towards_a_constant,
    "critic": saturated_critic,
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_answers_that_differ_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
