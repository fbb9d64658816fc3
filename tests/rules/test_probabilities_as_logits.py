"""probabilities-as-logits: squashed twice, however the first time was written."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, lumps, network
from torch import nn
from watching import names, watch

NAME = "probabilities-as-logits"


def classes(loss_fn: Loss, *last: nn.Module, count: int = 3, steps: int = 20) -> Callable[[], None]:
    return lambda: fit(network(8, count, *last), loss_fn, batches(*lumps(count), count=steps))


def two(loss_fn: Loss, *last: nn.Module) -> Callable[[], None]:
    def loop() -> None:
        x, y = lumps(2)
        fit(network(8, 1, *last), loss_fn, batches(x, y.float().unsqueeze(1)))

    return loop


def by_hand(logits: torch.Tensor) -> torch.Tensor:
    raised = torch.exp(logits - logits.max(1, keepdim=True).values)
    return raised / raised.sum(1, keepdim=True)


class Words(nn.Module):
    def __init__(self, *, squashed: bool) -> None:
        super().__init__()
        self.words, self.cells = nn.Embedding(20, 8), nn.GRU(8, 8, batch_first=True)
        self.head, self.squashed = nn.Linear(8, 20), squashed

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        scores = self.head(self.cells(self.words(tokens))[0])
        return F.softmax(scores, -1) if self.squashed else scores


def language(*, squashed: bool) -> Callable[[], None]:
    def loop() -> None:
        tokens = torch.randint(20, (64, 9))
        loss_fn: Loss = lambda p, y: F.cross_entropy(p.reshape(-1, 20), y.reshape(-1))  # noqa: E731
        fit(Words(squashed=squashed), loss_fn, batches(tokens[:, :-1], tokens[:, 1:], 4))

    return loop


def image(*last: nn.Module) -> Callable[[], None]:
    def loop() -> None:
        x = torch.randn(64, 1, 8, 8)
        model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), *last)
        fit(model, nn.CrossEntropyLoss(), batches(x, (x[:, 0] > 0).long()))

    return loop


def soft(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(p, 0.9 * F.one_hot(y, 3) + 0.1 / 3)


def written(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -F.log_softmax(p, 1)[torch.arange(len(y)), y].mean()


def focal(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    probability = torch.sigmoid(p)
    right = torch.where(y > 0.5, probability, 1 - probability)
    return ((1 - right) ** 2 * F.binary_cross_entropy_with_logits(p, y, reduction="none")).mean()


def focal_of_many(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    entropy = F.cross_entropy(p, y, reduction="none")
    return ((1 - torch.exp(-entropy)) ** 2 * entropy).mean()


def distillation() -> None:
    teacher, (x, _) = network(8, 3), lumps()

    def loss_fn(p: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        known = teacher(x).detach()
        near = F.kl_div(F.log_softmax(p / 4, 1), F.softmax(known / 4, 1), reduction="batchmean")
        return 16 * near + F.cross_entropy(p, F.softmax(known, 1))

    fit(network(8, 3), loss_fn, batches(x, x))


def mixture(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    gate = torch.sigmoid(p[:, 6:])
    mixed = gate * F.softmax(p[:, :3], 1) + (1 - gate) * F.softmax(p[:, 3:6], 1)
    return F.nll_loss(torch.log(mixed), y.clamp(max=2))


def contrastive(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    unit = F.normalize(p, dim=1)
    return F.cross_entropy(unit @ unit.T / 0.1, torch.arange(len(p)))


@pytest.mark.parametrize(
    "loop",
    [
        classes(nn.CrossEntropyLoss(), nn.Softmax(1)),
        classes(nn.CrossEntropyLoss(), nn.Softmax(1), count=2),
        classes(lambda p, y: F.cross_entropy(torch.softmax(p, dim=-1), y), count=10, steps=100),
        classes(lambda p, y: F.cross_entropy(by_hand(p), y)),
        classes(lambda p, y: F.cross_entropy(p.exp() / p.exp().sum(1, keepdim=True), y)),
        classes(lambda p, y: F.cross_entropy(p.clamp(1e-7, 1), y), nn.Softmax(1)),
        classes(soft, nn.Softmax(1)),
        classes(nn.CrossEntropyLoss(), nn.Sigmoid()),
        classes(lambda p, y: F.nll_loss(F.log_softmax(p, 1), y), nn.Softmax(1)),
        classes(written, nn.Softmax(1)),
        two(nn.BCEWithLogitsLoss(), nn.Sigmoid()),
        two(lambda p, y: F.binary_cross_entropy_with_logits(torch.sigmoid(p).view(-1), y.view(-1))),
        two(lambda p, y: F.binary_cross_entropy_with_logits(1 / (1 + torch.exp(-p)), y)),
        language(squashed=True),
        image(nn.Softmax2d()),
    ],
)
def test_squashed_twice_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        classes(nn.CrossEntropyLoss(), nn.LogSoftmax(1)),
        classes(lambda p, y: F.cross_entropy(torch.log(p + 1e-9), y), nn.Softmax(1)),
        classes(soft),
        classes(focal_of_many),
        classes(mixture, count=7),
        classes(contrastive),
        two(focal),
        two(nn.BCELoss(), nn.Sigmoid()),
        distillation,
        language(squashed=False),
        image(),
    ],
)
def test_squashed_once_is_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_says_the_floor() -> None:
    (finding,) = watch(classes(nn.CrossEntropyLoss(), nn.Softmax(1), count=10)).findings
    assert finding.evidence["loss_floor"] == 1.461
    assert "softmax applied twice" in finding.cause
    (finding,) = watch(two(nn.BCEWithLogitsLoss(), nn.Sigmoid())).findings
    assert finding.evidence["loss_floor"] == 0.313
    assert finding.fix.startswith("remove the sigmoid before the loss")
