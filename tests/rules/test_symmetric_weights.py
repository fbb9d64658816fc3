"""symmetric-weights: units that can never differ, and zeros that part at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "symmetric-weights"


def train(
    model: nn.Module, *, kind: str = "SGD", lr: float = 0.05, batch: int = 16, count: int = 12
) -> None:
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=lr)
    for _ in range(count):
        y = torch.randint(3, (batch,))
        loss = F.cross_entropy(model(torch.randn(batch, 8) + y.unsqueeze(1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def stack(width: int = 16, act: Any = nn.ReLU, depth: int = 2) -> nn.Sequential:
    inner = [layer for _ in range(depth - 2) for layer in (nn.Linear(width, width), act())]
    return nn.Sequential(nn.Linear(8, width), act(), *inner, nn.Linear(width, 3))


def constant(model: nn.Module, value: float, *, biases: bool = True) -> nn.Module:
    for name, parameter in model.named_parameters():
        if biases or name.endswith("weight"):
            nn.init.constant_(parameter, value)
    return model


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv1d(1, 6, 3, padding=1), nn.Conv1d(6, 6, 3, padding=1)
        self.fc = nn.Linear(48, 3)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Linear)):
                nn.init.ones_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.conv2(self.conv1(x.unsqueeze(1)).relu()).relu().flatten(1) / 50)


def hidden_only() -> nn.Module:
    """Zeros with ReLU and no bias to lift them: dead from the start, whatever comes after."""
    model = stack()
    nn.init.zeros_(model[0].weight)
    nn.init.zeros_(model[0].bias)
    return model


SICK: dict[str, Callable[[], None]] = {
    "zeros": lambda: train(constant(stack(), 0.0)),
    "zeros-adam": lambda: train(constant(stack(act=nn.Tanh), 0.0), kind="Adam", lr=1e-2),
    "zeros-sigmoid": lambda: train(constant(stack(act=nn.Sigmoid), 0.0)),
    "halves": lambda: train(constant(stack(act=nn.Sigmoid), 0.5), kind="RMSprop", lr=1e-3),
    "odd-sizes": lambda: train(constant(stack(33, nn.Tanh, 3), 0.1), batch=64),
    "seven": lambda: train(constant(stack(7, nn.Tanh, 3), 0.1), batch=64),
    "random-biases": lambda: train(constant(stack(), 0.5, biases=False)),
    "zeros-random-biases": lambda: train(
        constant(stack(), 0.0, biases=False), kind="Adam", lr=1e-2
    ),
    "convolutions": lambda: train(Net(), kind="Adam", lr=1e-3),
    "hidden-zeros": lambda: train(hidden_only()),
    "short": lambda: train(constant(stack(), 0.1), count=6),
}


def by_hand(
    first: torch.Tensor, second: torch.Tensor, *, kind: str = "SGD", swapped: bool = False
) -> None:
    """Two matrices of the user's own: (inputs, outputs), or the other way round."""
    optimizer = getattr(torch.optim, kind)(
        [first.requires_grad_(), second.requires_grad_()], lr=0.01
    )
    for _ in range(12):
        x = torch.randn(16, 4)
        y = F.linear(F.linear(x, first).tanh(), second) if swapped else (x @ first).tanh() @ second
        loss = (y[:, :1] - x[:, :1] * x[:, 1:2]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Reader(nn.Module):
    """A recurrent layer, whose weights hold its gates one below the other."""

    def __init__(self, kind: str, *, value: float | None = 0.1) -> None:
        super().__init__()
        self.rnn, self.head = getattr(nn, kind)(2, 6, batch_first=True), nn.Linear(6, 3)
        for parameter in self.parameters() if value is not None else ():
            nn.init.constant_(parameter, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.view(-1, 4, 2))[0][:, -1])


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_units_of_a_recurrent_layer_are_compared_gate_by_gate(kind: str) -> None:
    (finding,) = watch(lambda: train(Reader(kind), kind="Adam", lr=1e-2)).findings
    assert finding.rule == NAME
    assert "all 6 units have the same weights (0.1)" in finding.message
    assert names(lambda: train(Reader(kind, value=None))) == []


def test_gates_that_start_alike_are_no_units() -> None:
    """The same draw for every gate: its units differ."""
    model = Reader("LSTM", value=None)
    for name, parameter in model.rnn.named_parameters():
        if name.startswith("weight"):
            parameter.data.copy_(parameter.data[:6].repeat(4, 1))
    assert names(lambda: train(model)) == []


SICK |= {
    "by-hand": lambda: by_hand(torch.full((4, 9), 0.3), torch.full((9, 1), 0.3)),
    "by-hand-zeros": lambda: by_hand(torch.zeros(4, 9), torch.zeros(9, 1), kind="Adam"),
    "by-hand-swapped": lambda: by_hand(
        torch.ones(9, 4), torch.ones(1, 9), kind="Adam", swapped=True
    ),
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_units_that_stay_equal_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


def test_message_counts_units_and_names_the_weight() -> None:
    (finding,) = watch(lambda: train(constant(stack(), 0.25))).findings
    assert finding.message == "0.weight: all 16 units have the same weights (0.25)"
    assert finding.fix == "draw them at random: `nn.init.kaiming_uniform_(model[0].weight)`"
    assert finding.evidence["equal_updates"] == 12
    assert finding.count == 12


def test_zeros_that_wait_for_each_other_are_told_apart() -> None:
    (finding,) = watch(lambda: train(constant(stack(), 0.0))).findings
    assert "neither moves" in finding.cause
    assert finding.evidence["layers"] == 2


# -- healthy ------------------------------------------------------------------------------------


def regression_from_zero() -> None:
    train(constant(nn.Sequential(nn.Linear(8, 3)), 0.0))


class Residual(nn.Module):
    """Two branches that end in zeros, a head of zeros: identity at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(8, 16)
        self.branches = nn.ModuleList(stack_of_two() for _ in range(2))
        self.head = nn.Linear(16, 3)
        nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.lift(x)
        for branch in self.branches:
            x = x + branch(x)
        return self.head(x)


def stack_of_two() -> nn.Sequential:
    branch = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 16))
    nn.init.zeros_(branch[2].weight)
    nn.init.zeros_(branch[2].bias)
    return branch


class Adapted(nn.Module):
    """A frozen layer with a low-rank update that begins at zero."""

    def __init__(self) -> None:
        super().__init__()
        self.base = stack()
        self.base.requires_grad_(False)
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 3, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.base(x) + self.up(self.down(x))


class TwoHeads(nn.Module):
    """Two linear heads from zero, side by side: convex, each class gets its own gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(8, 3), nn.Linear(8, 3)
        constant(self, 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x) + self.other(x.abs())


class Modulated(nn.Module):
    """Scale and gate come from a layer of zeros, and the head is zero too (as in DiT)."""

    def __init__(self) -> None:
        super().__init__()
        self.lift, self.modulation, self.inner = (
            nn.Linear(8, 16),
            nn.Linear(8, 32),
            nn.Linear(16, 16),
        )
        self.head = nn.Linear(16, 3)
        constant(self.modulation, 0.0)
        constant(self.head, 0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale, gate = self.modulation(x).chunk(2, dim=1)
        h = self.lift(x)
        return self.head(h + gate * self.inner(h * (1 + scale)).relu())


def warm_up_from_rate_zero() -> None:
    model = stack()
    nn.init.zeros_(model[2].weight)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 20))
    for _ in range(12):
        y = torch.randint(3, (16,))
        optimizer.zero_grad()
        F.cross_entropy(model(torch.randn(16, 8) + y.unsqueeze(1)), y).backward()
        optimizer.step()
        schedule.step()


def frozen_filter() -> None:
    blur = nn.Conv1d(1, 4, 3, padding=1)
    constant(blur, 1 / 3).requires_grad_(False)
    train(nn.Sequential(nn.Unflatten(1, (1, 8)), blur, nn.Flatten(), nn.Linear(32, 3)))


HEALTHY: dict[str, Callable[[], None]] = {
    "regression": regression_from_zero,
    "random": lambda: train(stack()),
    "residual": lambda: train(Residual()),
    "adapted": lambda: train(Adapted(), lr=0.01),
    "two-heads": lambda: train(TwoHeads()),
    "modulated": lambda: train(Modulated(), kind="Adam", lr=1e-3),
    "warm-up": warm_up_from_rate_zero,
    "frozen": frozen_filter,
    "by-hand-random-first": lambda: by_hand(torch.randn(4, 9), torch.zeros(9, 1)),
    "by-hand-random-second": lambda: by_hand(torch.zeros(4, 9), torch.randn(9, 1)),
    "by-hand-one-unit": lambda: by_hand(torch.ones(4, 1), torch.ones(1, 1)),
    "by-hand-random-swapped": lambda: by_hand(torch.randn(9, 4), torch.ones(1, 9), swapped=True),
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_zeros_that_part_at_once_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
