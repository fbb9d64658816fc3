"""unscaled-input: large inputs alone are nobody's fault; large inputs and a suffering loss are."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional
from watching import names, watch

ITERATIONS = 40


def pixels(
    count: int = 320, size: int = 64, top: float = 255.0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten classes of blobs as whole numbers from 0 to ``top``."""
    classes = torch.randint(10, (count,))
    centres = torch.rand(10, size)
    return ((centres[classes] + 0.2 * torch.rand(count, size)).clamp(0, 1) * top).round(), classes


def train(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor,
    loss_fn: str = "cross_entropy",
    iterations: int = ITERATIONS,
) -> None:  # fmt: skip
    for _ in range(iterations):
        chosen = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        loss = getattr(functional, loss_fn)(model(x[chosen]), y[chosen])
        loss.backward()
        optimizer.step()


def mlp(features: int, outputs: int, kind: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, 64), kind(), nn.Linear(64, outputs))


# -- sick ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_pixels_of_0_to_255_in_a_perceptron(rate: float) -> None:
    model, (x, y) = mlp(64, 10), pixels()
    report = watch(
        lambda: train(model, torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9), x, y)
    )
    (finding,) = report.findings
    assert finding.rule == "unscaled-input"
    assert "/ 255" in finding.fix
    assert finding.evidence["highest"] == 255


def test_digits_of_0_to_16() -> None:
    model, (x, y) = mlp(64, 10), pixels(top=16.0)
    assert names(
        lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), x, y)
    ) == ["unscaled-input"]


def test_convolution_over_raw_images() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    x, y = pixels()
    x = x.view(-1, 1, 8, 8)
    assert names(lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.05), x, y)) == [
        "unscaled-input"
    ]


def test_a_line_through_large_numbers_runs_away() -> None:
    x = 100 * torch.rand(100, 1)
    y = 2 * x + 1
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def loop() -> None:
        for _ in range(60):  # the full batch, and a loss written by hand
            loss = ((model(x) - y) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert names(loop) == ["unscaled-input"]


def test_years_and_pressures_kill_the_units_and_the_loss_is_written_by_hand() -> None:
    x = torch.stack((2000 + 20 * torch.rand(200), 1013 + 10 * torch.randn(200)), dim=1)
    y, model = torch.randn(200, 1), mlp(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def loop() -> None:
        for start in range(0, 200, 10):
            loss = ((model(x[start : start + 10]) - y[start : start + 10]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert names(loop) == ["unscaled-input"]


class Houses(nn.Module):
    """A model in a class of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(3, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.body(features).squeeze(1)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_house_prices_beside_fractions(kind: str) -> None:
    x = torch.stack((3000 * torch.rand(400) + 500, 1e6 * torch.rand(400), torch.rand(400)), dim=1)
    y = x[:, 2] - 0.5
    model = Houses()
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=1e-3)
    assert names(lambda: train(model, optimizer, x, y, "mse_loss")) == ["unscaled-input"]


def test_the_line_of_the_forward_and_the_users_name() -> None:
    model, (xb, yb) = mlp(64, 10), pixels(32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loop() -> None:
        for _ in range(20):
            logits = model(xb)
            optimizer.zero_grad()
            functional.cross_entropy(logits, yb).backward()
            optimizer.step()

    (finding,) = watch(loop).findings
    assert finding.site is not None
    assert finding.site.line == loop.__code__.co_firstlineno + 2
    assert finding.fix.startswith("`xb = xb / 255`")


# -- healthy ------------------------------------------------------------------------------------


def test_raw_pixels_that_learn_all_the_same() -> None:
    model, (x, y) = mlp(64, 10), pixels(top=16.0)
    assert not names(
        lambda: train(model, torch.optim.Adam(model.parameters(), lr=0.003), x, y, iterations=80)
    )


@pytest.mark.parametrize(
    "first",
    [nn.BatchNorm1d(64), nn.LayerNorm(64), nn.BatchNorm1d(64, affine=False)],
    ids=["batch", "layer", "plain"],
)
def test_a_first_normalisation_layer(first: nn.Module) -> None:
    model, (x, y) = nn.Sequential(first, *mlp(64, 10)), pixels()
    assert not names(lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.1), x, y))


def test_a_normalisation_right_behind_the_convolution() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)
    )
    x, y = pixels()
    x = x.view(-1, 1, 8, 8)
    assert not names(lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.05), x, y))


def test_a_first_normalisation_layer_and_a_loss_that_takes_the_log_of_0() -> None:
    layers = nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)
    model, x = nn.Sequential(*layers), pixels()[0].view(-1, 1, 8, 8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def loop() -> None:
        for _ in range(12):
            loss = (model(x) * 0).log().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert "unscaled-input" not in names(loop)


class Scaling(nn.Module):
    """Divides the pixels itself."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.body(images / 255)


def test_a_model_that_scales_inside() -> None:
    model, (x, y) = Scaling(), pixels()
    y = y[torch.randperm(len(y))]  # nothing to be learned: the loss stays where it is
    assert not names(lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.1), x, y))


def test_features_that_are_a_bit_off() -> None:
    x = 2 + 1.5 * torch.randn(320, 8)
    y = x[:, :1] - 0.3 * x[:, 1:2]
    model = mlp(8, 1)
    assert not names(
        lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.005), x, y, "mse_loss")
    )


def test_targets_that_are_large_are_another_matter() -> None:
    x = torch.randn(320, 8)
    y = 2e5 + 5e4 * x[:, :1]
    model = mlp(8, 1)
    found = names(
        lambda: train(model, torch.optim.Adam(model.parameters(), lr=1e-3), x, y, "mse_loss")
    )
    assert "unscaled-input" not in found


def test_a_rate_that_no_input_would_stand() -> None:
    x = 6 * torch.rand(320, 8)
    y = x[:, :1]
    model = mlp(8, 1)
    found = names(
        lambda: train(model, torch.optim.SGD(model.parameters(), lr=5.0), x, y, "mse_loss")
    )
    assert "unscaled-input" not in found


def test_a_line_over_0_to_10_at_a_rate_that_suits_it() -> None:
    x = torch.linspace(0, 10, 50).unsqueeze(1)
    y = 2 * x + 1
    model = nn.Linear(1, 1)
    assert not names(
        lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.01), x, y, "mse_loss")
    )


def test_random_labels_on_images_of_0_to_1() -> None:
    x, _ = pixels(top=1.0)
    y = torch.randint(10, (len(x),))
    model = mlp(64, 10)
    assert not names(lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.05), x, y))


def test_whole_numbers_for_an_embedding() -> None:
    ids = torch.randint(1000, (320, 6))
    y = torch.randint(4, (320,))
    model = nn.Sequential(nn.Embedding(1000, 16), nn.Flatten(), nn.Linear(96, 4))
    assert not names(lambda: train(model, torch.optim.SGD(model.parameters(), lr=0.05), ids, y))
