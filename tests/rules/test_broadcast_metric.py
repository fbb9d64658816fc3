"""broadcast-metric: accuracies that compare every prediction with every target, or ignore it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import batches, fit, lumps, network
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch

NAME = "broadcast-metric"
Score = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def scored(score: Score, *, squeeze: bool = False) -> Callable[[], None]:
    """``score(output (B, 1) or (B,), labels (B,))`` beside each update of a sound loop."""

    def loop() -> None:
        model, hits = network(8, 1), list[float]()
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for x, y in batches(*lumps(2)):
            output = model(x).squeeze(1) if squeeze else model(x)
            loss = F.binary_cross_entropy_with_logits(output, y.float().view_as(output))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            hits.append(score(output, y).float().mean().item())

    return loop


def evaluated(score: Score) -> Callable[[], None]:
    """The same, once at the end in eval mode, over a loader."""

    def loop() -> None:
        model, (x, y) = network(8, 1), lumps(2)
        fit(
            model,
            lambda p, y: F.binary_cross_entropy_with_logits(p[:, 0], y.float()),
            batches(x, y),
        )
        model.eval()
        with torch.no_grad():
            for inputs, targets in DataLoader(TensorDataset(x, y), 50):
                score(model(inputs), targets)

    return loop


def largest(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    _, picked = torch.max(output.data, 1)
    return picked == y


def contrastive() -> None:
    """Which samples share a label: a table that is meant."""
    model = network(8, 1)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for x, y in batches(*lumps()):
        scores = model(x)
        distances = (scores - scores.t()).abs()
        alike, same = y.view(-1, 1) == y, y[:, None] == y[None]
        loss = (distances * alike).mean() + F.relu(1 - distances * ~same).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def one_hot_by_comparison(output: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    table = y.unsqueeze(1) == torch.arange(2)
    return table[:, 1:] == (output > 0)


def parted(rows: int = 320) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes that nobody can mistake."""
    y = torch.randint(2, (rows,))
    return 8.0 * (2 * y[:, None] - 1) + torch.randn(rows, 8), y


def perfect() -> None:
    """Every decision is right, so both sides hold the same numbers: one as bool, one as float."""
    model, (x, y) = network(8, 1), parted()
    pairs = batches(x, y, count=40)
    fit(model, lambda p, y: F.binary_cross_entropy_with_logits(p[:, 0], y.float()), pairs)
    with torch.no_grad():
        for inputs, targets in DataLoader(TensorDataset(x, y.float()), 40):
            assert ((model(inputs) > 0) == targets).shape == (40, 40)


def alike_by_one_number() -> None:
    """A model of one number for each pair, and a table of the labels among themselves."""
    model, (x, y) = network(8, 1), lumps(2)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for inputs, labels in batches(x, y):
        scores = model(inputs)
        same = (labels.float().unsqueeze(1) == labels.float()).float()
        loss: torch.Tensor = F.mse_loss(torch.sigmoid(scores @ scores.T), same)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def among_the_best() -> None:
    model = network(8, 5)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for x, y in batches(*lumps(5)):
        output = model(x)
        loss = F.cross_entropy(output, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        (output.topk(2, 1).indices == y[:, None]).any(1)
        output.topk(2, 1).indices.t().eq(y.view(1, -1).expand(2, -1))


def sequences_of_one() -> None:
    cells, head = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 4)
    optimizer = torch.optim.Adam([*cells.parameters(), *head.parameters()], 0.01)
    for _ in range(12):
        x, y = torch.randn(4, 1, 3), torch.randint(4, (4, 1))
        output = head(cells(x)[0])
        loss = F.cross_entropy(output.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert (output.argmax(-1) == y).shape == (4, 1)


@pytest.mark.parametrize(
    "loop",
    [
        scored(lambda p, y: (p > 0) == y),
        scored(lambda p, y: torch.sigmoid(p).round().eq(y)),
        scored(lambda p, y: torch.eq((p > 0).long(), y)),
        scored(lambda p, y: (p > 0) == y[:, None], squeeze=True),
        scored(lambda p, y: p.argmax(dim=1) == y),
        scored(largest),
        evaluated(lambda p, y: (torch.sigmoid(p) > 0.5).float() == y),
        evaluated(largest),
        perfect,
    ],
)
def test_a_metric_of_no_model_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        scored(lambda p, y: (p > 0).squeeze(1) == y),
        scored(lambda p, y: (p > 0) == y, squeeze=True),
        scored(one_hot_by_comparison),
        evaluated(lambda p, y: (p > 0) == y[:, None]),
        contrastive,
        alike_by_one_number,
        among_the_best,
        sequences_of_one,
    ],
)
def test_tables_that_are_meant_are_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_says_the_shapes() -> None:
    (finding,) = watch(scored(lambda p, y: (p > 0) == y)).findings
    assert finding.message.startswith("(16, 1) == (16,) compares every prediction")
    assert finding.evidence["result"] == "(16, 16)"
    (finding,) = watch(scored(largest)).findings
    assert "max over one column: the output is (16, 1)" in finding.message
