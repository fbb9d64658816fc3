"""broadcast-loss: losses of every writing, and the tables that are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, line, lumps, network
from torch import nn
from watching import names, watch

NAME = "broadcast-loss"
pytestmark = pytest.mark.filterwarnings("ignore:Using a target size")


def column_against_flat(loss_fn: Loss) -> Callable[[], None]:
    def loop() -> None:
        x, y = line()
        fit(network(4, 1), loss_fn, batches(x, y[:, 0], count=12))

    return loop


def flat_against_column(loss_fn: Loss) -> Callable[[], None]:
    return lambda: fit(network(4, 1, nn.Flatten(0)), loss_fn, batches(*line(), count=12))


def equal(loss_fn: Loss) -> Callable[[], None]:
    return lambda: fit(network(4, 1), loss_fn, batches(*line(), count=12))


class RMSELoss(nn.Module):
    def forward(self, p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.sqrt(torch.mean((p - y) ** 2) + 1e-8)


def huber(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    error = (p - y).abs()
    return torch.where(error < 1, 0.5 * error * error, error - 0.5).mean()


def pinball(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.maximum(0.9 * (y - p), -0.1 * (y - p)).mean()


def entropy() -> None:
    """Binary cross-entropy by hand: a product, not a difference."""
    x, y = lumps(2)

    def loss_fn(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return -(y * torch.log(p + 1e-7) + (1 - y) * torch.log(1 - p + 1e-7)).mean()

    fit(network(8, 1, nn.Sigmoid()), loss_fn, batches(x, y.float()))


def policy_gradient() -> None:
    """The advantage has a dimension more than the log-probability."""
    actor = network(4, 2)
    optimizer = torch.optim.Adam(actor.parameters(), 0.01)
    for _ in range(12):
        state = torch.randn(16, 4)
        policy = torch.distributions.Categorical(logits=actor(state))
        action = policy.sample()
        advantage = (action == (state[:, 0] > 0)).float().unsqueeze(1) - 0.5
        loss: Any = -(policy.log_prob(action) * advantage).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def with_penalty() -> None:
    model, (x, y) = network(4, 1), line()

    def loss_fn(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return ((p - y) ** 2).mean() + 1e-4 * sum((one**2).sum() for one in model.parameters())

    fit(model, loss_fn, batches(x, y[:, 0]))


def without_module() -> None:
    x, y = line()
    weight, bias = torch.zeros(4, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight, bias], 0.01)
    for _ in range(10):
        loss: Any = ((x @ weight + bias - y[:, 0]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def quantiles(count: int) -> Callable[[], None]:
    levels = torch.linspace(0.1, 0.9, count)

    def loss_fn(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.maximum(levels * (y - p), (levels - 1) * (y - p)).mean()

    return lambda: fit(network(4, count), loss_fn, batches(*line()))


def ranking(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.softplus(-torch.sign(y - y.t()) * (p - p.t())).mean()


def generated(loss_fn: Loss) -> Callable[[], None]:
    """Samples (32, 1) of a model against real ones, all with all."""

    def loop() -> None:
        real = ((torch.randn(32, 2), 2 + 0.5 * torch.randn(32, 1)) for _ in range(20))
        fit(network(2, 1), loss_fn, real)

    return loop


def kernel(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.exp(-((a - b.t()) ** 2)).mean()


def energy(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 2 * (p - y.t()).abs().mean() - (p - p.t()).abs().mean()


def nearest(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    table = (p - y.t()) ** 2
    return table.min(0).values.mean() + table.min(1).values.mean()


def density(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -torch.logsumexp(-((p - y[:, 0]) ** 2), 0).mean()


def distances() -> None:
    centres = torch.randn(5, 2)

    def loss_fn(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(p[:, None], centres[None], reduction="none").sum(-1).min(1).values.mean()

    fit(network(4, 2), loss_fn, batches(*line()))


def outer_product() -> None:
    left, right, table = nn.Parameter(torch.randn(12, 1)), torch.randn(12), torch.randn(12, 12)
    optimizer = torch.optim.Adam([left], 0.01)
    for _ in range(20):
        loss: Any = ((table - left * right) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def physics() -> None:
    """A residual on points, and a start value (1,) against predictions (8, 1)."""
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(20):
        time = torch.rand(32, 1, requires_grad=True)
        u = model(time)
        (slope,) = torch.autograd.grad(u, time, torch.ones_like(u), create_graph=True)
        start = F.mse_loss(model(torch.zeros(8, 1)), torch.ones(1))
        loss: Any = ((slope + u) ** 2).mean() + start
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


class Spread(nn.Module):
    """A mean and a spread for each sample."""

    def __init__(self, features: int = 4) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(features, 16), nn.ReLU())
        self.mean, self.log_var = nn.Linear(16, 1), nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = self.trunk(x)
        return self.mean(hidden), self.log_var(hidden)


def spread(
    loss_fn: Callable[..., torch.Tensor], *, column: bool = False, flat: bool = False
) -> Callable[[], None]:
    """Two outputs, flat or as columns, against flat targets or a column of them."""

    def loop() -> None:
        model, (x, y) = Spread(), line()

        def both(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
            mean, log_var = model(p)
            return loss_fn(*((mean[:, 0], log_var[:, 0]) if flat else (mean, log_var)), y)

        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for inputs, targets in batches(x, y if column else y[:, 0], count=12):
            loss = both(inputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def likelihood(mean: torch.Tensor, log_var: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return 0.5 * (log_var + (y - mean).pow(2) * torch.exp(-log_var)).mean()


def normal(mean: torch.Tensor, log_var: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -torch.distributions.Normal(mean, (log_var / 2).exp()).log_prob(y).mean()


def laplace(mean: torch.Tensor, log_scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (log_scale + (mean - y).abs() / log_scale.exp()).mean()


def chosen(
    pick: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], *, column: bool
) -> Callable[[], None]:
    """Values of the actions taken against goals: (16,), or (16, 1) if ``column``."""

    def loop() -> None:
        values = network(4, 3)
        optimizer = torch.optim.Adam(values.parameters(), 0.01)
        for _ in range(12):
            state, action = torch.randn(16, 4), torch.randint(3, (16,))
            with torch.no_grad():
                goal = state[:, 0] + 0.9 * values(torch.randn(16, 4)).max(1).values
            goal = goal[:, None] if column else goal
            loss: Any = (pick(values(state), action) - goal).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def gathered(values: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return values.gather(1, action[:, None])


def indexed(values: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return values[torch.arange(len(action)), action]


def summed(values: torch.Tensor, action: torch.Tensor) -> torch.Tensor:
    return (values * F.one_hot(action, 3)).sum(1)


def clipped_policy(*, column: bool) -> Callable[[], None]:
    """The old log-probabilities have a dimension more than the new ones, or have not."""

    def loop() -> None:
        actor, categorical = network(4, 3), torch.distributions.Categorical
        optimizer = torch.optim.Adam(actor.parameters(), 0.01)
        for _ in range(12):
            state, gain = torch.randn(16, 4), torch.randn(16)
            with torch.no_grad():
                policy = categorical(logits=actor(state))
                action = policy.sample()
                old = policy.log_prob(action)
            new = categorical(logits=actor(state)).log_prob(action)
            ratio = (new - (old[:, None] if column else old)).exp()
            loss: Any = -torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def curves(*, given: bool, called: bool = False) -> Callable[[], None]:
    """Height and decay of a curve of 16 points, in batches of 16: a table by coincidence."""

    def loop() -> None:
        model, time = Spread(16 if given else 4), torch.linspace(0, 1, 16)
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for _ in range(12):
            rate = 0.5 + torch.rand(16, 1)
            signal = torch.exp(-rate * time)
            height, decay = model(signal if given else rate.expand(16, 4).clone())
            curve = height * torch.exp(-((decay - time) ** 2))
            error: Any = F.mse_loss(curve, signal) if called else ((curve - signal) ** 2).mean()
            optimizer.zero_grad()
            error.backward()
            optimizer.step()

    return loop


def weighed_ranking() -> None:
    """All pairs, each sample with a weight that is learned."""
    model, (x, y) = Spread(), line()
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for inputs, targets in batches(x, y, count=12):
        score, weight = model(inputs)
        pairs = F.softplus(-torch.sign(targets - targets.t()) * (score - score.t()))
        loss: Any = (pairs * weight.exp()).mean() + (weight**2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize(
    "loop",
    [
        spread(likelihood),
        spread(likelihood, flat=True, column=True),
        spread(normal),
        spread(laplace, flat=True, column=True),
        chosen(gathered, column=False),
        chosen(indexed, column=True),
        chosen(summed, column=True),
        clipped_policy(column=True),
    ],
)
def test_tables_with_more_in_them_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        spread(likelihood, column=True),
        spread(normal, flat=True),
        chosen(gathered, column=True),
        chosen(indexed, column=False),
        clipped_policy(column=False),
        curves(given=True),
        curves(given=False),
        curves(given=False, called=True),
        weighed_ranking,
    ],
)
def test_columns_that_agree_and_curves_are_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)


@pytest.mark.parametrize(
    "loop",
    [
        column_against_flat(lambda p, y: ((p - y) ** 2).mean()),
        column_against_flat(lambda p, y: ((y - p) ** 2).mean()),
        flat_against_column(lambda p, y: ((p - y) ** 2).mean()),
        flat_against_column(lambda p, y: (y - p).abs().mean()),
        column_against_flat(lambda p, y: torch.sum(torch.pow(p - y, 2)) / len(y)),
        column_against_flat(lambda p, y: torch.square(p - y).mean()),
        column_against_flat(lambda p, y: ((p - y) * (p - y)).mean()),
        column_against_flat(lambda p, y: torch.sqrt(((p - y) ** 2).mean())),
        column_against_flat(lambda p, y: torch.log(torch.cosh(p - y)).mean()),
        column_against_flat(lambda p, y: (torch.ones(16) * (p - y) ** 2).mean()),
        column_against_flat(lambda p, y: F.gaussian_nll_loss(p, y, torch.ones(16, 1))),
        column_against_flat(lambda p, y: F.poisson_nll_loss(p, y.abs())),
        column_against_flat(lambda p, y: nn.HuberLoss()(p, y)),
        flat_against_column(lambda p, y: nn.L1Loss()(p, y)),
        column_against_flat(lambda p, y: F.mse_loss(p, y, reduction="none").mean()),
        column_against_flat(RMSELoss()),
        column_against_flat(huber),
        column_against_flat(pinball),
        entropy,
        policy_gradient,
        with_penalty,
        without_module,
    ],
)
def test_tables_by_accident_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        equal(lambda p, y: ((p - y) ** 2).mean()),
        equal(huber),
        quantiles(3),
        quantiles(16),
        equal(ranking),
        generated(lambda p, y: kernel(p, p) - 2 * kernel(p, y)),
        generated(energy),
        generated(nearest),
        generated(density),
        distances,
        outer_product,
        physics,
    ],
)
def test_tables_that_are_meant_are_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_says_both_shapes_and_which_to_change() -> None:
    (called,) = watch(column_against_flat(lambda p, y: F.mse_loss(p, y))).findings
    assert called.message == "mse_loss: prediction (16, 1) and targets (16,) broadcast to (16, 16)"
    assert called.fix.startswith("make the shapes equal: `")
    (written,) = watch(flat_against_column(lambda p, y: ((p - y) ** 2).mean())).findings
    assert (
        written.message == "this loss: prediction (16,) and targets (16, 1) broadcast to (16, 16)"
    )
    assert "prediction.unsqueeze(1)" in written.fix
    assert written.count == 12
