"""vanishing-, exploding- and nonfinite-gradient: what they say, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from watching import names, watch

from fivestep.doctor import listen
from fivestep.vitals import Update


def batch(size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.randint(3, (size,))
    return 2 * torch.eye(8)[y] + 0.5 * torch.randn(size, 8), y


def deep(kind: Callable[[], nn.Module], depth: int, std: float = 0.0) -> nn.Module:
    sizes = [8] + [32] * (depth - 1)
    layers = [one for a, b in pairwise(sizes) for one in (nn.Linear(a, b), kind())]
    model = nn.Sequential(*layers, nn.Linear(32, 3))
    for one in model:
        if std and isinstance(one, nn.Linear):
            nn.init.normal_(one.weight, std=std)
    return model


def train(
    model: nn.Module, rate: float, *, adam: bool = False, updates: int = 30, clip: float = 0.0
) -> None:
    kind = torch.optim.Adam if adam else torch.optim.SGD
    optimizer = kind(model.parameters(), lr=rate)
    for _ in range(updates):
        x, y = batch()
        optimizer.zero_grad()
        fn.cross_entropy(model(x), y).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()


@pytest.mark.parametrize(
    ("model", "rate", "adam"),
    [
        (lambda: deep(nn.Sigmoid, 8), 0.1, False),
        (lambda: deep(nn.Sigmoid, 15), 1e-3, True),
        (lambda: deep(nn.Tanh, 10, std=0.01), 0.05, False),
        (lambda: deep(nn.ReLU, 30), 0.05, False),
    ],
)
def test_gradients_that_vanish_are_named(
    model: Callable[[], nn.Module], rate: float, adam: bool
) -> None:
    (finding,) = watch(lambda: train(model(), rate, adam=adam)).findings
    assert finding.rule == "vanishing-gradient"
    assert finding.message.startswith("0.weight gets")
    assert finding.evidence["share"] < 1e-3  # pyright: ignore[reportOperatorIssue]


def test_a_signal_that_fades_is_named_though_all_layers_get_alike_little() -> None:
    def loop() -> None:
        model = deep(nn.Tanh, 11, std=0.05)
        last = model[-1]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        for one in model:
            if isinstance(one, nn.Linear):
                nn.init.zeros_(one.bias)
        assert isinstance(last, nn.Linear)
        for _ in range(40):
            x, _ = batch()
            optimizer.zero_grad()
            fn.mse_loss(model(x)[:, 0], x[:, 3] - x[:, 4]).backward()
            optimizer.step()

    (finding,) = watch(loop).findings
    assert finding.rule == "vanishing-gradient"
    assert finding.message.startswith("behind 18 the samples differ by")


class Steps(nn.Module):
    """Residual blocks whose last layers start at zero, and a last layer that does."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 3)
        self.blocks = nn.ModuleList([nn.Linear(16, 16) for _ in range(6)])
        for one in (*self.blocks, self.last):
            nn.init.zeros_(one.weight)
            nn.init.zeros_(one.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        for one in self.blocks:
            x = x + one(x).tanh()
        return self.last(x)


@pytest.mark.parametrize("model", [Steps, lambda: deep(nn.Tanh, 6, std=0.1)])
def test_signals_that_come_through_are_silent(model: Callable[[], nn.Module]) -> None:
    assert "vanishing-gradient" not in names(lambda: train(model(), 1e-3))


@pytest.mark.parametrize(
    ("model", "rate", "adam"),
    [
        (lambda: deep(nn.Sigmoid, 3), 0.1, False),
        (lambda: deep(nn.Tanh, 8), 0.01, False),
        (lambda: deep(nn.ReLU, 8), 1e-3, True),
        (lambda: deep(nn.GELU, 12), 3e-3, True),
        (lambda: deep(nn.ReLU, 6), 1e-4, False),
    ],
)
def test_gradients_that_reach_the_start_are_silent(
    model: Callable[[], nn.Module], rate: float, adam: bool
) -> None:
    assert not set(names(lambda: train(model(), rate, adam=adam))) & {
        "vanishing-gradient",
        "exploding-gradient",
    }


class Reader(nn.Module):
    def __init__(self, kind: type[nn.Module], std: float = 0.0) -> None:
        super().__init__()
        self.rnn, self.head = kind(8, 32, batch_first=True), nn.Linear(32, 3)
        if std:
            nn.init.normal_(self.rnn.weight_hh_l0, std=std)  # pyright: ignore[reportArgumentType]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.unsqueeze(1).expand(-1, 50, -1))[0][:, -1])


@pytest.mark.parametrize(
    ("model", "rate", "adam"),
    [
        (lambda: Reader(nn.RNN, 0.6), 0.05, False),
        (lambda: Reader(nn.RNN, 0.8), 1e-3, True),
        (lambda: deep(nn.ReLU, 8, std=1.0), 1e-3, True),
        (lambda: deep(nn.ReLU, 6, std=2.0), 0.01, False),
    ],
)
def test_gradients_that_explode_are_named(
    model: Callable[[], nn.Module], rate: float, adam: bool
) -> None:
    (finding,) = watch(lambda: train(model(), rate, adam=adam, updates=12)).findings
    assert finding.rule == "exploding-gradient"
    assert "clip_grad_norm_" in finding.fix


@pytest.mark.parametrize(
    ("model", "clip"),
    [
        (lambda: Reader(nn.RNN), 0.0),
        (lambda: Reader(nn.LSTM), 0.0),
        (lambda: Reader(nn.RNN, 0.6), 1.0),
    ],
)
def test_recurrences_that_keep_their_length_or_are_clipped_are_silent(
    model: Callable[[], nn.Module], clip: float
) -> None:
    assert "exploding-gradient" not in names(lambda: train(model(), 0.01, updates=12, clip=clip))


def test_a_large_loss_is_no_explosion() -> None:
    def loop() -> None:
        model = deep(nn.ReLU, 3)
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for _ in range(24):
            x, y = batch()
            optimizer.zero_grad()
            fn.mse_loss(model(x)[:, 0], 1e4 * y.float(), reduction="sum").backward()
            optimizer.step()

    assert "exploding-gradient" not in names(loop)


def burst(spike: float) -> Callable[[], None]:
    def loop() -> None:
        model = nn.Linear(8, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        for number in range(24):
            x, y = batch()
            loss = fn.cross_entropy(model(x), y)
            if number == 15:  # steep, and not high
                loss = loss + (spike * (model.weight - model.weight.detach())).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def test_weights_of_zero_without_a_rate_have_no_ratio() -> None:
    def loop() -> None:
        model = nn.Linear(8, 3)
        for one in model.parameters():
            nn.init.zeros_(one)
        train(model, 0.0, updates=20)

    assert "exploding-gradient" not in names(loop)  # nor does the rule fail


def test_a_burst_is_named_where_the_loss_suffers() -> None:
    assert names(burst(5e3)) == ["exploding-gradient"]
    assert not names(burst(5.0))


def rollout(rate: float, *, clip: float = 0.0, steps: int = 30) -> Callable[[], None]:
    """Dynamics unrolled over many steps."""

    def loop() -> None:
        model = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        nn.init.normal_(model[2].weight, std=0.01)  # pyright: ignore[reportArgumentType]
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        for _ in range(40):
            state = start = torch.randn(16, 2)
            for _ in range(steps):
                state = state + model(state)
            optimizer.zero_grad()
            ((state - torch.stack([start[:, 1], -start[:, 0]], 1)) ** 2).mean().backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()

    return loop


def test_a_burst_with_the_loss_is_named_where_the_updates_before_it_were_short() -> None:
    assert names(rollout(1e-3)) == ["exploding-gradient"]
    assert not names(rollout(1e-3, clip=0.1, steps=5))


def late(spike: float) -> Callable[[], None]:
    """A sound run of 90 updates, and a batch far from all others at its end."""

    def loop() -> None:
        model = deep(nn.Tanh, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
        for number in range(100):
            x, y = batch()
            optimizer.zero_grad()
            scale = spike if number == 90 else 1.0
            fn.mse_loss(model(x)[:, 0], scale * y.float()).backward()
            optimizer.step()

    return loop


@pytest.mark.parametrize("spike", [5.0, 100.0, 1e4])
def test_a_target_far_from_all_others_is_no_burst(spike: float) -> None:
    assert "exploding-gradient" not in names(late(spike))


@pytest.mark.parametrize(("spike", "measured"), [(1.0, False), (100.0, True)])
def test_the_update_of_a_loss_that_leaps_is_measured(spike: float, measured: bool) -> None:
    with listen() as doctor:
        torch.manual_seed(0)
        late(spike)()
    iterations = {vitals.iteration for vitals, one in doctor.record.events(Update) if one.norms}
    assert (91 in iterations) is measured


def test_a_rate_too_high_is_no_burst() -> None:
    def loop() -> None:
        x = torch.randn(200, 8)
        y = x @ torch.randn(8, 1)
        model = nn.Linear(8, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.6)
        for _ in range(60):
            optimizer.zero_grad()
            fn.mse_loss(model(x), y).backward()
            optimizer.step()

    assert "exploding-gradient" not in names(loop)


def root(shift: float, *, skip: bool = False) -> Callable[[], None]:
    def loop() -> None:
        model = nn.Linear(8, 3)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for _ in range(12):
            x, y = batch()
            error = (model(x) - fn.one_hot(y, 3)).pow(2) * (y > 0).unsqueeze(1)
            optimizer.zero_grad()
            (error + shift).sqrt().mean().backward()
            assert model.weight.grad is not None
            if not skip or bool(model.weight.grad.isfinite().all()):
                optimizer.step()

    return loop


def test_an_infinite_derivative_is_named_with_its_operation() -> None:
    (finding,) = watch(root(0.0)).findings
    assert finding.rule == "nonfinite-gradient"
    assert finding.iteration == 1
    assert finding.evidence["made_by"] == "sqrt at 0"
    assert [one.rule for one in finding.consequences] == ["nonfinite-loss"]


def test_a_root_away_from_zero_and_a_loop_that_skips_are_silent() -> None:
    assert not names(root(1e-6))
    assert "nonfinite-gradient" not in names(root(0.0, skip=True))


class Beside(nn.Module):
    """A short way and a deep one, added or side by side."""

    def __init__(
        self, unit: Callable[[], nn.Module], depth: int, *, first: bool, joined: bool
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for at in range(depth):
            layers += [nn.Linear(24 if at else 10, 24), unit()]
        self.deep = nn.Sequential(*layers, nn.Linear(24, 5))
        self.wide, self.last = nn.Linear(10, 5), nn.Linear(10, 5) if joined else None
        self.first = first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        parts = [self.deep(x), self.wide(x)] if self.first else [self.wide(x), self.deep(x)]
        if self.last is None:
            return parts[0] + parts[1]
        return self.last(torch.cat([parts[0], parts[1]], 1))


def learns(model: nn.Module, rate: float = 0.01, updates: int = 150) -> None:
    torch.set_num_threads(1)
    centres = 2 * torch.randn(5, 10, generator=torch.Generator().manual_seed(4))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(updates):
        targets = torch.randint(5, (32,))
        optimizer.zero_grad()
        fn.cross_entropy(model(centres[targets] + torch.randn(32, 10)), targets).backward()
        optimizer.step()


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("joined", [True, False])
def test_a_deep_branch_that_learns_nothing_is_named_though_the_loss_falls(
    first: bool, joined: bool
) -> None:
    model = Beside(nn.Sigmoid, 10, first=first, joined=joined)
    (finding,) = watch(lambda: learns(model)).findings
    assert finding.rule == "vanishing-gradient"
    assert finding.message.startswith("deep.")


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("unit", "depth"), [(nn.Sigmoid, 2), (nn.ReLU, 10), (nn.Tanh, 10), (nn.GELU, 8)]
)
def test_a_branch_that_lets_something_through_is_silent(
    unit: Callable[[], nn.Module], depth: int, first: bool
) -> None:
    assert names(lambda: learns(Beside(unit, depth, first=first, joined=False))) == []


def sums(recurrent: float, *, clip: float = 0.0, rate: float = 0.02, updates: int = 60) -> None:
    """Marked numbers of a sequence are added up by a rectified cell, written by hand."""
    torch.set_num_threads(1)
    torch.manual_seed(5)
    cell = [0.3 * torch.randn(2, 24), recurrent * torch.eye(24) + 0.01 * torch.randn(24, 24)]
    first, again, last = (one.requires_grad_() for one in (*cell, 0.1 * torch.randn(24, 1)))
    optimizer = torch.optim.SGD([first, again, last], lr=rate)
    for _ in range(updates):
        value, mark = torch.rand(32, 50), (torch.rand(32, 50) < 0.1).float()
        state = torch.zeros(32, 24)
        for at in range(50):
            step = torch.stack([value[:, at], mark[:, at]], 1)
            state = torch.relu(step @ first + state @ again)
        optimizer.zero_grad()
        fn.smooth_l1_loss(state @ last, (value * mark).sum(1, keepdim=True)).backward()
        if clip:
            nn.utils.clip_grad_norm_([first, again, last], clip)
        optimizer.step()


def test_a_recurrence_whose_gradient_bursts_with_the_loss_is_named() -> None:
    (finding,) = watch(lambda: sums(0.9)).findings
    assert finding.rule == "exploding-gradient"
    assert "bursts to" in finding.message


@pytest.mark.parametrize(
    "options",
    [{"clip": 0.5}, {"rate": 1e-4}, {"recurrent": 0.5, "rate": 0.003}],
    ids=["clip", "rate", "short"],
)
def test_a_recurrence_that_keeps_its_measure_is_silent(options: dict[str, float]) -> None:
    assert "exploding-gradient" not in names(lambda: sums(**{"recurrent": 0.9, **options}))
