"""unreachable-target: what the last operation can answer with, against what is wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, line, lumps, network
from torch import nn
from watching import names, watch

NAME = "unreachable-target"
Make = Callable[[torch.Tensor], torch.Tensor]


def numbers(last: nn.Module, targets: Make, loss_fn: Loss | None = None) -> Callable[[], None]:
    """Targets are made of y, which runs from about -6 to 6 around 0."""

    def loop() -> None:
        x, y = line()
        fit(network(4, 1, last), loss_fn or nn.MSELoss(), batches(x, targets(y), count=30))

    return loop


def labels(targets: Make, *last: nn.Module) -> Callable[[], None]:
    def loop() -> None:
        x, y = lumps(2)
        loss_fn = nn.BCEWithLogitsLoss()
        fit(network(8, 1, *last), loss_fn, batches(x, targets(y.float().unsqueeze(1)), count=30))

    return loop


def images(pixels: torch.Tensor, last: nn.Module) -> Callable[[], None]:
    def loop() -> None:
        model = nn.Sequential(nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 64), last)
        fit(model, nn.MSELoss(), ((x, x) for x, _ in batches(pixels, pixels)))

    return loop


class Rectified(nn.Module):
    """The last ReLU is a function, and the column is squeezed after it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 16), nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.second(torch.relu(self.first(x)))).squeeze(-1)


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = network(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 8 * torch.tanh(self.body(x))


def rectified() -> None:
    x, y = line()
    fit(Rectified(), lambda p, y: F.smooth_l1_loss(p, y), batches(x, y[:, 0], count=12))


def scaled() -> None:
    fit(Scaled(), nn.MSELoss(), batches(*line()))


def noisy_labels_of_an_adversary() -> None:
    """Labels of 0.8 to 1.2 for the real ones, against a sigmoid: a trick, not a fault."""
    critic = network(2, 1, nn.Sigmoid())
    real = (torch.randn(16, 2) for _ in range(30))
    fit(critic, nn.MSELoss(), ((x, 0.8 + 0.4 * torch.rand(16, 1)) for x in real))


def standard(y: torch.Tensor) -> torch.Tensor:
    return (y - y.mean()) / y.std()


def with_outliers(y: torch.Tensor) -> torch.Tensor:
    targets = torch.sigmoid(y)
    targets[::30] += 3
    return targets


@pytest.mark.parametrize(
    "loop",
    [
        numbers(nn.Sigmoid(), lambda y: 50 + 10 * y, nn.L1Loss()),
        numbers(nn.Sigmoid(), standard),
        numbers(nn.Tanh(), standard),
        numbers(nn.Softplus(), standard),
        numbers(nn.LogSigmoid(), lambda y: y),
        numbers(nn.Sigmoid(), standard, lambda p, y: F.mse_loss(y, p)),
        images(2 * (torch.rand(200, 64) < 0.3).float() - 1, nn.Sigmoid()),
        labels(lambda y: 2 * y - 1),
        labels(lambda y: 255 * y),
        labels(lambda y: y, nn.Tanh()),
        numbers(nn.Sigmoid(), lambda y: 3 + y, lambda p, y: (p - y).abs().mean()),
        numbers(nn.ReLU(), standard, lambda p, y: ((y - p) ** 2).sum() / len(y)),
        numbers(nn.Tanh(), lambda y: 5 * y, lambda p, y: (p - y).square().mean().sqrt()),
        numbers(nn.ReLU(), standard, lambda p, y: (p[:, 0] - y[:, 0]).pow(2).mean()),
    ],
)
def test_targets_out_of_reach_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize("loop", [rectified, labels(lambda y: y, nn.ReLU())])
def test_a_rectified_output_is_named_dead_or_alive(loop: Callable[[], None]) -> None:
    findings = watch(loop).findings
    assert NAME in {one.rule for f in findings for one in (f, *f.consequences)}


@pytest.mark.parametrize(
    "loop",
    [
        numbers(nn.ReLU(), torch.abs),
        numbers(nn.Softplus(), lambda y: y.clamp(min=0) + 0.05 * torch.randn_like(y)),
        numbers(nn.Tanh(), torch.tanh),
        numbers(nn.Sigmoid(), with_outliers),
        images(torch.rand(200, 64), nn.Sigmoid()),
        labels(lambda y: 0.9 * y + 0.05),
        scaled,
        noisy_labels_of_an_adversary,
        numbers(nn.ReLU(), torch.abs, lambda p, y: (p - y).abs().mean()),
        numbers(nn.Sigmoid(), with_outliers, lambda p, y: ((p - y) ** 2).mean()),
        numbers(nn.Tanh(), lambda y: 0.3 * y, lambda p, y: (8 * p - y).square().mean()),
        numbers(nn.Sigmoid(), torch.sigmoid, lambda p, y: (p - y).pow(2).mean().sqrt()),
        numbers(nn.Tanh(), standard, lambda p, y: (p**2).mean() + (p - y.tanh()).abs().mean()),
    ],
)
def test_targets_within_reach_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)


def test_it_says_the_range_of_both() -> None:
    (finding,) = watch(numbers(nn.Tanh(), lambda y: 50 + y)).findings
    assert finding.message.startswith("tanh gives -1 to 1, and the targets run from 4")
    assert finding.fix.startswith("remove the tanh after the last layer")
    by_hand = numbers(nn.Tanh(), lambda y: 50 + y, lambda p, y: ((p - y) ** 2).mean())
    (finding,) = watch(by_hand).findings
    assert finding.message.startswith("tanh gives -1 to 1, and a tenth of the targets are 5")
    (finding,) = watch(labels(lambda y: 255 * y)).findings
    assert "the sigmoid in binary_cross_entropy_with_logits gives 0 to 1" in finding.message
