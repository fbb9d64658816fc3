"""dead-units: layers without a slope, and zeros that are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from watching import names, watch

NAME = "dead-units"


def train(
    model: nn.Module, *, count: int = 14, size: int = 16, kind: str = "Adam", scale: float = 1.0,
    lr: float = 1e-3, shape: tuple[int, ...] = (6,),
) -> None:  # fmt: skip
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=lr)
    for _ in range(count):
        y = torch.randint(3, (size,))
        x = scale * (torch.randn(size, *shape) + y.view(-1, *[1] * len(shape)))
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def stack(act: Any = nn.ReLU, width: int = 16, depth: int = 2) -> nn.Sequential:
    inner = [layer for _ in range(depth - 2) for layer in (nn.Linear(width, width), act())]
    return nn.Sequential(nn.Linear(6, width), act(), *inner, nn.Linear(width, 3))


def biased(model: nn.Sequential, layer: int, value: float) -> nn.Sequential:
    nn.init.constant_(model[layer].bias, value)  # pyright: ignore[reportArgumentType]
    return model


def heavy(model: nn.Sequential, std: float) -> nn.Sequential:
    nn.init.normal_(model[0].weight, std=std)  # pyright: ignore[reportArgumentType]
    return model


def positive(model: nn.Sequential) -> nn.Sequential:
    nn.init.uniform_(model[2].weight)  # pyright: ignore[reportArgumentType]
    return model


class Image(nn.Module):
    def __init__(self, bias: float) -> None:
        super().__init__()
        self.conv1, self.conv2, self.fc = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(64, 3)
        nn.init.constant_(self.conv2.bias, bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.conv2(F.relu(self.conv1(x)))).flatten(1))


def killed_by_the_rate() -> None:
    """One giant step in the middle of a sound run."""
    model = stack(depth=3)
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for step in range(24):
        y = torch.randint(3, (16,))
        loss = F.cross_entropy(model(torch.randn(16, 6) + y.unsqueeze(1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 9:
            with torch.no_grad():
                model[2].bias -= 200


def by_hand(first: torch.Tensor, *, act: Any = torch.sigmoid, scale: float = 1.0) -> None:
    """Two matrices, and no optimizer."""
    weights = [first.requires_grad_(), (0.1 * torch.randn(first.shape[1], 1)).requires_grad_()]
    for _ in range(14):
        x = scale * torch.rand(24, first.shape[0])
        loss = (act(x @ weights[0]) @ weights[1] - x[:, :1]).square().mean()
        loss.backward()
        with torch.no_grad():
            for one in weights:
                one -= 0.01 * one.grad
                one.grad = None


def standard_normal(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight)


def odd_last_batch() -> None:
    """Twenty rows and then three, again and again."""
    model = stack(nn.Tanh, width=128, depth=4).apply(standard_normal)
    optimizer = torch.optim.SGD(model.parameters(), 1e-4)
    for step in range(14):
        y = torch.randint(3, (3 if step % 4 == 3 else 20,))
        loss = F.cross_entropy(model(torch.randn(len(y), 6) + y.unsqueeze(1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


SICK: dict[str, Callable[[], None]] = {
    "bias-far-below": lambda: train(biased(stack(), 0, -30.0)),
    "bias-below": lambda: train(biased(stack(width=64), 0, -3.5), size=16),
    "second-layer": lambda: train(biased(stack(depth=4), 2, -15.0), kind="SGD", lr=0.1),
    "convolution": lambda: train(Image(-20.0), shape=(1, 8, 8)),
    "sigmoid-heavy-weights": lambda: train(heavy(stack(nn.Sigmoid), 30.0)),
    "tanh-heavy-weights": lambda: train(heavy(stack(nn.Tanh), 10.0), kind="RMSprop"),
    "tanh-bias": lambda: train(biased(stack(nn.Tanh), 0, 20.0)),
    "killed": killed_by_the_rate,
    "standard-normal": odd_last_batch,
    "by-hand-all-positive": lambda: by_hand(torch.rand(64, 32)),
    "by-hand-heavy": lambda: by_hand(4 * torch.randn(64, 32), act=torch.tanh),
    "drawn-from-0-to-1": lambda: train(positive(stack(nn.Sigmoid, width=64, depth=3))),
    "short": lambda: train(biased(stack(), 0, -30.0), count=6),
}


@pytest.mark.parametrize("loop", SICK.values(), ids=SICK)
def test_layers_without_a_slope_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


def test_message_names_layer_share_and_bias() -> None:
    (finding,) = watch(SICK["second-layer"]).findings
    assert finding.message == "all 16 units after layer 2 give 0 for every row"
    assert "the bias of that layer starts at -15" in finding.cause
    assert finding.fix == "start that bias at 0: `nn.init.zeros_(layer.bias)`"
    assert finding.evidence["layer"] == "2"
    assert finding.site is not None
    assert finding.site.function == "train"


# -- healthy ------------------------------------------------------------------------------------


def hinge_met() -> None:
    critic = stack()[:-1].append(nn.Linear(16, 1))
    optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
    for _ in range(30):
        x = torch.randn(16, 6)
        loss = F.relu(1 - critic(x + 9)).mean() + F.relu(1 + critic(x - 9)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def picture_with_black_borders() -> None:
    """Generator and critic: most pixels sit at -1, and a tanh lies between the two."""
    painter = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 64), nn.Tanh())
    nn.init.constant_(painter[2].bias[4:], -9.0)  # pyright: ignore[reportIndexIssue]
    critic = nn.Sequential(nn.Linear(64, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(painter.parameters(), 1e-3)
    for _ in range(12):
        fake = critic(painter(torch.randn(16, 4)))
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(fake, torch.ones(16, 1)).backward()
        optimizer.step()


def black_pictures_decoded() -> None:
    decoder = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 64), nn.Sigmoid())
    nn.init.constant_(decoder[2].bias, -12.0)  # pyright: ignore[reportArgumentType]
    optimizer = torch.optim.Adam(decoder.parameters(), 1e-3)
    for _ in range(12):
        loss = F.binary_cross_entropy(decoder(torch.randn(16, 4)), torch.zeros(16, 64))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def sparse_code() -> None:
    """Far more units than inputs, few of them on for any row."""
    down, up = nn.Linear(6, 128), nn.Linear(128, 6)
    nn.init.constant_(down.bias, -0.5)
    optimizer = torch.optim.Adam([*down.parameters(), *up.parameters()], 3e-3)
    for _ in range(60):
        x = torch.randn(16, 6)
        code = F.relu(down(x))
        loss = F.mse_loss(up(code), x) + 0.3 * code.abs().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def confident_classifier() -> None:
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), 0.1)
    for _ in range(40):
        y = torch.randint(2, (16, 1)).float()
        loss = F.binary_cross_entropy(model(torch.randn(16, 6) + 30 * (y - 0.5)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def collocation() -> None:
    """The points at which the equation must hold are leaves too, and far from 0."""
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(12):
        t = (40 + 20 * torch.rand(16, 1)).requires_grad_()
        y = model(t)
        (slope,) = torch.autograd.grad(y.sum(), t, create_graph=True)
        loss = (slope + y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def monotone() -> None:
    """Weights of one sign on purpose, and small."""
    model = stack(nn.Tanh)
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            nn.init.uniform_(parameter, 0.0, 0.3)
    train(model)


HEALTHY: dict[str, Callable[[], None]] = {
    "learning": lambda: train(stack(depth=4)),
    "small-batch": lambda: train(stack(depth=5, width=8), size=4, lr=1e-2),
    "seven-layers": lambda: train(stack(depth=7, width=32), size=16, count=40),
    "raw-positive": lambda: train(stack(), scale=20.0),
    "images": lambda: train(Image(0.0), shape=(1, 8, 8)),
    "tanh": lambda: train(stack(nn.Tanh, depth=4), scale=5.0),
    "raw-tanh": lambda: train(stack(nn.Tanh), scale=60.0),
    "hinge": hinge_met,
    "painter": picture_with_black_borders,
    "decoder": black_pictures_decoded,
    "sparse": sparse_code,
    "confident": confident_classifier,
    "by-hand": lambda: by_hand(torch.randn(64, 32) / 8),
    "by-hand-raw-inputs": lambda: by_hand(torch.randn(64, 32) / 8, act=torch.tanh, scale=100.0),
    "collocation": collocation,
    "monotone": monotone,
}


@pytest.mark.parametrize("loop", HEALTHY.values(), ids=HEALTHY)
def test_zeros_that_are_meant_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)
