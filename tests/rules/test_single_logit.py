"""single-logit: a softmax over one number, or over the batch by mistake."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, lumps, network
from torch import nn
from watching import names, watch

NAME = "single-logit"


def two(loss_fn: Loss, *last: nn.Module, count: int = 20) -> Callable[[], None]:
    return lambda: fit(network(8, 1, *last), loss_fn, batches(*lumps(2), count=count))


def column(y: torch.Tensor) -> torch.Tensor:
    return y.float().unsqueeze(1)


def segmentation() -> None:
    x = torch.randn(64, 1, 8, 8)
    fit(
        nn.Conv2d(1, 1, 3, padding=1),
        nn.CrossEntropyLoss(),
        batches(x, torch.zeros(64, 8, 8).long()),
    )


def with_accuracy() -> None:
    model, hits = network(8, 1), list[float]()

    def score(x: torch.Tensor, y: torch.Tensor) -> None:
        with torch.no_grad():
            hits.append((model(x).argmax(1) == y).float().mean().item())

    fit(model, lambda p, y: F.cross_entropy(p, column(y)), batches(*lumps(2)), after=score)


def ranking(*, index: bool) -> Callable[[], None]:
    """A softmax over the candidates of one query, unbatched: (12,) against (12,) or an index."""

    def loop() -> None:
        model = network(6, 1)
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for _ in range(20):
            candidates = torch.randn(12, 6)
            best = candidates[:, 0].argmax()
            target = best if index else F.one_hot(best, 12).float()
            loss = F.cross_entropy(model(candidates).squeeze(1), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return loop


def contrastive() -> None:
    """The last batch of an epoch holds one pair: one class, by accident."""
    left, right = network(6, 8), network(6, 8)
    optimizer = torch.optim.Adam([*left.parameters(), *right.parameters()], 0.01)
    for size in [8, 8, 8, 1] * 5:
        x = torch.randn(size, 6)
        similar = F.normalize(left(x), dim=1) @ F.normalize(right(x), dim=1).T
        loss = F.cross_entropy(5 * similar, torch.arange(size))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def attention_over_one_key() -> None:
    attention, head = nn.MultiheadAttention(8, 2, batch_first=True), nn.Linear(8, 3)
    optimizer = torch.optim.Adam([*attention.parameters(), *head.parameters()], 0.01)
    for x, y in batches(*lumps()):
        token = x.unsqueeze(1)
        loss = F.cross_entropy(head(attention(token, token, token)[0].squeeze(1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize(
    "loop",
    [
        two(lambda p, y: F.cross_entropy(p, column(y))),
        two(lambda p, y: F.cross_entropy(p, torch.zeros_like(y)), count=5),
        two(lambda p, y: F.cross_entropy(p.squeeze(1), y.float())),
        two(lambda p, y: nn.CrossEntropyLoss()(p.view(-1), y.float()), count=60),
        two(lambda p, y: F.nll_loss(p, torch.zeros_like(y)), nn.LogSoftmax(1)),
        two(lambda p, y: F.binary_cross_entropy(p, column(y)), nn.Softmax(1)),
        two(lambda p, y: F.mse_loss(p, column(y)), nn.Softmax(dim=-1)),
        segmentation,
        with_accuracy,
    ],
)
def test_one_class_is_named(loop: Callable[[], None]) -> None:
    findings = [one for one in watch(loop).findings if one.severity.value != "costly"]
    assert [one.rule for one in findings] == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        ranking(index=True),
        ranking(index=False),
        contrastive,
        attention_over_one_key,
        two(lambda p, y: F.binary_cross_entropy_with_logits(p, column(y))),
        two(lambda p, y: F.binary_cross_entropy(p, column(y)), nn.Sigmoid()),
    ],
)
def test_one_class_by_accident_or_none_is_left_alone(loop: Callable[[], None]) -> None:
    assert NAME not in names(loop)


def test_it_says_over_what_the_softmax_runs() -> None:
    (one,) = watch(two(lambda p, y: F.cross_entropy(p, column(y)))).findings
    assert one.message == "cross_entropy is given one class: prediction (16, 1)"
    (batch,) = watch(two(lambda p, y: F.cross_entropy(p.squeeze(1), y.float()))).findings
    assert "takes the 16 samples of the batch for classes" in batch.message
    assert "binary_cross_entropy_with_logits" in batch.fix
