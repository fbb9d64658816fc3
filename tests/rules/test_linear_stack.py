"""linear-stack: models that are linear by mistake, and maps in a row that are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from watching import names, watch

NAME = "linear-stack"


def train(
    model: Any,
    *,
    parameters: Any = None,
    shape: tuple[int, ...] = (6,),
    wanted: Any = None,
    count: int = 5,
) -> None:
    optimizer = torch.optim.Adam(parameters or model.parameters(), 1e-3)
    for _ in range(count):
        x = torch.randn(12, *shape)
        output = model(x)
        loss = ((output - (output.detach() * 0 + 1 if wanted is None else wanted(x))) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Forgotten(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 20), nn.Linear(20, 20), nn.Linear(20, 2)
        self.relu, self.drop = nn.ReLU(), nn.Dropout(0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc3(self.drop(self.fc2(self.fc1(x))))


class Classifier(nn.Module):
    """The sigmoid at the end does not help."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 8), nn.Linear(8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.two(self.one(x)))


def by_hand() -> None:
    w1, b1 = torch.randn(6, 10, requires_grad=True), torch.zeros(10, requires_grad=True)
    w2 = torch.randn(10, 1, requires_grad=True)
    train(lambda x: (x @ w1 + b1) @ w2, parameters=[w1, b1, w2])


SICK: dict[str, Callable[[], None]] = {
    "forgotten": lambda: train(Forgotten()),
    "sigmoid-at-the-end": lambda: train(Classifier()),
    "convolution": lambda: train(
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 2)), shape=(1, 6, 6)
    ),
    "sequences": lambda: train(nn.Sequential(nn.Linear(6, 16), nn.Linear(16, 4)), shape=(5, 6)),
    "by-hand": by_hand,
    "short": lambda: train(Forgotten(), count=2),
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_linear_by_mistake_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


def test_message_names_the_layers_in_their_order() -> None:
    (finding,) = watch(SICK["forgotten"]).findings
    assert finding.message == (
        "3 layers (fc1.weight, fc2.weight, fc3.weight) and no activation between them"
    )
    assert finding.evidence == {"layers": 3, "outputs": "[20, 20, 2]"}
    assert finding.site is not None
    assert finding.site.function == "train"


# -- healthy ------------------------------------------------------------------------------------


class Shared(nn.Module):
    """A linear dynamical system: one map, applied again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.step = nn.Linear(6, 6, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = self.step(x)
        return x


class Bilinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 8), nn.Linear(6, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.one(x) * self.two(x)).sum(1)


class Hyper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.maker = nn.Linear(6, 36)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.bmm(self.maker(x).view(-1, 6, 6), x.unsqueeze(2)).squeeze(2)


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lift, self.out = nn.Linear(6, 8), nn.Linear(8, 1)
        self.attend = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.lift(x)
        return self.out(self.attend(h, h, h)[0]).mean(1)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lift, self.rnn, self.out = (
            nn.Linear(6, 8),
            nn.LSTM(8, 8, batch_first=True),
            nn.Linear(8, 2),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(self.lift(x))[0][:, -1])


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lift, self.out = nn.Embedding(9, 4), nn.Linear(4, 8), nn.Linear(8, 9)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.lift(self.embed(x.abs().long().clamp(max=8)).mean(1)))


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.one(x) + self.two(x)


def parts(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers)


HEALTHY: dict[str, Callable[[], None]] = {
    "one-layer": lambda: train(nn.Linear(6, 2)),
    "relu": lambda: train(parts(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))),
    "square": lambda: train(parts(nn.Linear(6, 8), nn.Hardswish(), nn.Linear(8, 2))),
    "linear-autoencoder": lambda: train(
        parts(nn.Linear(6, 2), nn.Linear(2, 6)), wanted=lambda x: x
    ),
    "low-rank": lambda: train(parts(nn.Linear(6, 2, bias=False), nn.Linear(2, 4))),
    "linear-at-the-end": lambda: train(
        parts(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 2))
    ),
    "norm": lambda: train(parts(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))),
    "max-pool": lambda: train(
        parts(nn.Conv1d(1, 4, 3), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(8, 2)), shape=(1, 6)
    ),
    "dynamical-system": lambda: train(Shared()),
    "bilinear": lambda: train(Bilinear()),
    "hyper": lambda: train(Hyper()),
    "attention": lambda: train(Attention(), shape=(4, 6)),
    "recurrent": lambda: train(Recurrent(), shape=(4, 6)),
    "words": lambda: train(Words()),
    "two-heads": lambda: train(TwoHeads()),
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_maps_in_a_row_that_are_meant_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
