"""diverging-loss where the optimizer maximises: a loss that runs away is named, a score is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from watching import names, watch

CENTRES = 3 * torch.randn(4, 6, generator=torch.Generator().manual_seed(5))


def batch(rows: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    targets = torch.randint(4, (rows,))
    return CENTRES[targets] + torch.randn(rows, 6), targets


def climb(
    parts: list[nn.Module],
    score: Callable[[], torch.Tensor],
    rate: float,
    updates: int,
    kind: str = "Adam",
) -> None:
    """Gradient ascent of ``score``, as it was asked for."""
    torch.set_num_threads(1)
    held = [one for part in parts for one in part.parameters()]
    optimizer = getattr(torch.optim, kind)(held, lr=rate, maximize=True)
    for _ in range(updates):
        optimizer.zero_grad()
        score().backward()
        optimizer.step()


def likelihood(*, negated: bool, rate: float = 3e-3, updates: int = 160) -> None:
    """The log-likelihood of classes by hand, maximised; with a minus too many it runs away."""
    torch.manual_seed(1)
    layers = nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 4)
    model = nn.Sequential(*layers)

    def score() -> torch.Tensor:
        inputs, targets = batch()
        chosen = model(inputs).log_softmax(1).gather(1, targets[:, None]).mean()
        return -chosen if negated else chosen

    climb([model], score, rate, updates)


def matched(kind: str = "Adam", rate: float = 4e-3, size: int = 12) -> None:
    """Two tables of vectors whose products are to be large for pairs, with a minus too many."""
    torch.manual_seed(2)
    left, right = nn.Embedding(30, size), nn.Embedding(30, size)
    for one in (left, right):
        nn.init.normal_(one.weight, std=0.1)

    def score() -> torch.Tensor:
        pair, other = torch.randint(30, (128,)), torch.randint(30, (128,))
        near = fn.logsigmoid((left(pair) * right(pair)).sum(1)).mean()
        far = fn.logsigmoid(-(left(pair) * right(other)).sum(1)).mean()
        return -(near + far)

    climb([left, right], score, rate, 200, kind)


def variance() -> None:
    """The direction of the largest variance, free to grow: a score that rises without end."""
    torch.manual_seed(4)
    model = nn.Linear(6, 1, bias=False)
    climb([model], lambda: model(batch()[0]).var(), 0.02, 200)


def entropy() -> None:
    """A peaked distribution is to become even."""
    torch.manual_seed(5)
    model = nn.Linear(6, 4)
    with torch.no_grad():
        model.weight.mul_(10)

    def score() -> torch.Tensor:
        p = model(batch()[0]).softmax(1)
        return -(p * (p + 1e-9).log()).sum(1).mean()

    climb([model], score, 0.2, 300)


def attack() -> None:
    """What is added to an input is to fool the model: its loss is to climb, ten times and more."""
    torch.set_num_threads(1)
    model = nn.Linear(6, 4)
    with torch.no_grad():
        model.weight.copy_(CENTRES / 6)
        model.bias.copy_(-CENTRES.square().sum(1) / 12)
    inputs, targets = batch()
    noise = torch.zeros_like(inputs, requires_grad=True)
    optimizer = torch.optim.SGD([noise], lr=20.0, maximize=True)
    for _ in range(60):
        optimizer.zero_grad()
        fn.cross_entropy(model(inputs + noise), targets).backward()
        optimizer.step()


SICK: dict[str, Callable[[], None]] = {
    "pairs": matched,
    "short vectors": lambda: matched("AdamW", 6e-3, 8),
    "log-likelihood": lambda: likelihood(negated=True),
}
SILENT: dict[str, Callable[[], None]] = {
    "log-likelihood": lambda: likelihood(negated=False),
    "variance": variance,
    "entropy": entropy,
    "attack": attack,
}


@pytest.mark.parametrize("case", SICK)
def test_a_loss_that_is_maximised_is_named(case: str) -> None:
    (finding,) = watch(SICK[case]).findings
    assert finding.rule == "diverging-loss"
    assert "maximize=True" in finding.cause
    assert "maximize=True" in finding.fix


@pytest.mark.parametrize("case", SILENT)
def test_a_score_that_is_maximised_is_silent(case: str) -> None:
    assert names(SILENT[case]) == []
