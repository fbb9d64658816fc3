"""A loss that stays at a constant answer is named with what holds it there, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

CENTRES = 1.5 * torch.randn(5, 10, generator=torch.Generator().manual_seed(3))


def train(
    model: nn.Module, kind: str, rate: float, *, updates: int = 40, random: bool = False, **options: Any
) -> None:  # fmt: skip
    torch.set_num_threads(1)
    optimizer = getattr(torch.optim, kind)(model.parameters(), lr=rate, **options)
    for _ in range(updates):
        targets = torch.randint(5, (32,))
        inputs = CENTRES[targets] + torch.randn(32, 10)
        targets = torch.randint(5, (32,)) if random else targets
        scores = model(inputs)
        optimizer.zero_grad()
        loss = fn.cross_entropy(scores, targets)
        loss.backward()
        optimizer.step()


class Dropped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(10, 24), nn.Linear(24, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(fn.dropout(self.first(x).relu(), 0.98, self.training))


def network(*between: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(10, 24), *(between or (nn.ReLU(),)), nn.Linear(24, 5))


DROPOUT: dict[str, Callable[[], None]] = {
    "function": lambda: train(Dropped(), "Adam", 0.003),
    "module": lambda: train(network(nn.Tanh(), nn.Dropout(0.99)), "SGD", 0.05),
    "inputs": lambda: train(nn.Sequential(nn.Dropout(0.99), network()), "SGD", 0.02),
}

HEALTHY: dict[str, Callable[[], None]] = {
    "random labels": lambda: train(network(), "SGD", 0.1, random=True),
    "random labels, adam": lambda: train(network(), "Adam", 0.01, random=True, updates=80),
    "random labels, decay": lambda: train(network(), "AdamW", 0.01, random=True, weight_decay=0.1),
    "half dropped": lambda: train(network(nn.ReLU(), nn.Dropout(0.5)), "SGD", 0.05),
    "much dropped, still learning": lambda: train(
        network(nn.ReLU(), nn.Dropout(0.9)), "Adam", 0.01, updates=100
    ),
    "few": lambda: train(network(), "SGD", 0.01, updates=8),
    "zero head": lambda: train(zero_head(), "SGD", 0.1),
    "table from zero": lambda: train_a_table(5e-4),
    "table from zero, slower": lambda: train_a_table(2e-4),
}


def train_a_table(rate: float) -> None:
    """Counts of pairs as logits: every first update is as long as weights that begin at zero."""
    torch.set_num_threads(1)
    chances = (2 * torch.randn(27, 27)).softmax(1)
    table = nn.Embedding.from_pretrained(torch.zeros(27, 27), freeze=False)
    optimizer = torch.optim.AdamW(table.parameters(), lr=rate)
    for _ in range(200):
        inputs = torch.randint(27, (256,))
        loss = fn.cross_entropy(table(inputs), torch.multinomial(chances[inputs], 1)[:, 0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def zero_head() -> nn.Module:
    model = network()
    nn.init.zeros_(model.get_parameter("2.weight"))
    nn.init.zeros_(model.get_parameter("2.bias"))
    return model


@pytest.mark.parametrize("case", DROPOUT)
def test_dropout_that_lets_nothing_through_is_named(case: str) -> None:
    (finding,) = watch(DROPOUT[case]).findings
    assert finding.rule == "flat-loss"
    assert "dropout takes 9" in finding.cause
    assert finding.site is not None
    assert finding.site.file == __file__


@pytest.mark.parametrize("case", HEALTHY)
def test_a_flat_loss_without_a_sign_is_silent(case: str) -> None:
    assert names(HEALTHY[case]) == []


@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_decay_stronger_than_the_gradient_is_seen(kind: str) -> None:
    decay, rate = (5.0, 0.1) if kind == "SGD" else (50.0, 0.01)
    report = watch(lambda: train(network(), kind, rate, weight_decay=decay))
    heard = [one for top in report.findings for one in (top, *top.consequences)]
    (finding,) = [one for one in heard if one.rule == "flat-loss"]
    assert f"weight decay {decay:g}" in finding.cause


@pytest.mark.parametrize(("kind", "rate"), [("SGD", 30.0), ("Adam", 3.0)])
def test_a_rate_that_killed_the_units_is_seen_under_some_name(kind: str, rate: float) -> None:
    report = watch(lambda: train(network(), kind, rate, updates=60))
    assert len(report.findings) == 1
    assert report.findings[0].rule in ("flat-loss", "huge-update", "dead-units")


class Hinge(nn.Module):
    """Wrong with ``max=0``, right with ``min=0``."""

    def __init__(self, **limit: float) -> None:
        super().__init__()
        self.limit = limit

    def forward(self, score: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
        return torch.clamp(1 - side * score, **self.limit).mean()


def hinge(loss_fn: nn.Module, model: nn.Module, updates: int = 40) -> nn.Module:
    torch.set_num_threads(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(updates):
        inputs = torch.randn(32, 6)
        inputs[:, 0] += 4 * inputs[:, 0].sign()
        loss = loss_fn(model(inputs)[:, 0], inputs[:, 0].sign())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def rounded(through: bool) -> None:
    """Whole numbers: rounded away, or with the gradient passed through."""
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        inputs = torch.randn(32, 6)
        counts = model(inputs)
        whole = counts + (counts.round() - counts).detach() if through else counts.round()
        optimizer.zero_grad()
        fn.mse_loss(whole, (3 * inputs[:, :1]).round()).backward()
        optimizer.step()


def trained_before() -> None:
    """A margin that every sample keeps already: nothing is left to learn."""
    model = nn.Linear(6, 1)
    ready = {"weight": torch.tensor([[3.0, 0, 0, 0, 0, 0]]), "bias": torch.zeros(1)}
    model.load_state_dict(ready)
    hinge(Hinge(min=0), model)


def rare_gradient() -> None:
    """Reward is rare: many updates of nothing, then one that counts."""
    model = nn.Linear(6, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for at in range(40):
        inputs = torch.randn(32, 6)
        found = float(at % 6 == 5)
        optimizer.zero_grad()
        (found * (model(inputs) - inputs[:, :1]).square().mean()).backward()
        optimizer.step()


def two_loaders(*, shuffle: bool, labelled: bool) -> None:
    """Inputs of one loader and targets of another, or two data sets that each have their own."""
    torch.set_num_threads(1)
    targets = torch.randint(5, (320,))
    inputs = CENTRES[targets] + torch.randn(320, 10)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    first = DataLoader(TensorDataset(inputs, targets), batch_size=32, shuffle=shuffle)
    second = DataLoader(TensorDataset(targets.clone()), batch_size=32, shuffle=shuffle)
    for _ in range(5):
        for (x, own), (other,) in zip(first, second, strict=True):
            optimizer.zero_grad()
            fn.cross_entropy(model(x), own if labelled else other).backward()
            optimizer.step()


LEVEL: dict[str, Callable[[], object]] = {
    "clamp": lambda: hinge(Hinge(max=0), nn.Sequential(nn.Linear(6, 1), nn.Hardtanh(-0.9, 0.9))),
    "round": lambda: hinge(Hinge(min=0), nn.Sequential(nn.Linear(6, 1), Rounded())),
}


class Rounded(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (10 * x).round()


NEAR: dict[str, Callable[[], object]] = {
    "right hinge": lambda: hinge(Hinge(min=0), nn.Linear(6, 1)),
    "passed through": lambda: rounded(through=True),
    "trained before": trained_before,
    "rare gradient": rare_gradient,
    "in the same order": lambda: two_loaders(shuffle=False, labelled=False),
    "two data sets": lambda: two_loaders(shuffle=True, labelled=True),
}


@pytest.mark.parametrize("case", LEVEL)
def test_an_operation_without_a_slope_is_named(case: str) -> None:
    (finding,) = watch(LEVEL[case]).findings
    assert finding.rule == "flat-loss"
    assert "no parameter ever had a slope" in finding.message
    assert f"`{case}` is level" in finding.cause


def test_targets_of_a_loader_that_shuffles_for_itself_are_named() -> None:
    (finding,) = watch(lambda: two_loaders(shuffle=True, labelled=False)).findings
    assert finding.rule == "flat-loss"
    assert "each shuffles for itself" in finding.cause


@pytest.mark.parametrize("case", NEAR)
def test_what_comes_close_to_it_is_silent(case: str) -> None:
    assert names(NEAR[case]) == []


@pytest.mark.parametrize("loss", [nn.L1Loss(), nn.HuberLoss(), nn.SmoothL1Loss()])
@pytest.mark.parametrize(("rate", "width"), [(0.1, 2), (0.2, 5), (0.05, 3)])
def test_a_fall_to_what_a_line_can_do_is_not_flat(loss: nn.Module, rate: float, width: int) -> None:
    """A loss whose constant answer nobody knows, at its floor before a quarter of the run is over."""
    torch.manual_seed(3)
    x = torch.randn(100, width)
    y = x[:, :1] - 1.5 + 0.3 * torch.sin(9 * x[:, 1:2])
    model = nn.Linear(width, 1)
    nn.init.normal_(model.weight, std=0.02)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    last: list[float] = []

    def go() -> None:
        for _ in range(600):
            value = loss(model(x), y)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            last[:] = [value.item()]

    found = names(go)
    assert last[0] < 0.4
    assert "flat-loss" not in found
