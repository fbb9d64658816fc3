"""unlogged-probabilities: losses that take logarithms for granted, and what they are given."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, lumps, network
from torch import nn
from watching import names, watch

NAME = "unlogged-probabilities"


def classes(loss_fn: Loss, *last: nn.Module, count: int = 20) -> Callable[[], None]:
    return lambda: fit(network(8, 3, *last), loss_fn, batches(*lumps(), count=count))


def shares(loss_fn: Loss, *last: nn.Module) -> Callable[[], None]:
    def loop() -> None:
        x, y = lumps()
        fit(network(8, 3, *last), loss_fn, batches(x, 0.9 * F.one_hot(y, 3) + 0.1 / 3))

    return loop


def image(*last: nn.Module) -> Callable[[], None]:
    def loop() -> None:
        x = torch.randn(64, 1, 8, 8)
        model = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), *last)
        fit(model, nn.NLLLoss(), batches(x, (x[:, 0] > 0).long()))

    return loop


def of_the_logarithm(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return F.nll_loss(torch.log(prediction + 1e-8), y)


def weighted(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A policy gradient: log-probabilities times an advantage of either sign."""
    action = torch.distributions.Categorical(logits=prediction).sample()
    advantage = (action == y).float() - 0.4
    return F.nll_loss(F.log_softmax(prediction, 1) * advantage[:, None], action)


def masked(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    scores = prediction.masked_fill(torch.tensor([False, False, True]), -30.0)
    return F.nll_loss(F.log_softmax(scores, 1), y.clamp(max=1))


def copying(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A part of the probability goes elsewhere: what is left does not sum to one."""
    part = torch.sigmoid(prediction[:, 2:]) * F.softmax(prediction, 1)
    return F.nll_loss(torch.log(part + 1e-9), y)


def logarithms_of_both(prediction: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    given = F.log_softmax(prediction, 1)
    return F.kl_div(given, y.log(), reduction="batchmean", log_target=True)


@pytest.mark.parametrize(
    "loop",
    [
        classes(nn.NLLLoss()),
        classes(lambda p, y: F.nll_loss(p, y), count=6),
        classes(lambda p, y: F.nll_loss(F.softmax(p, 1), y), count=60),
        classes(nn.NLLLoss(), nn.Sigmoid()),
        classes(nn.NLLLoss(), nn.LogSigmoid()),
        shares(lambda p, y: F.kl_div(F.softmax(p, -1), y, reduction="batchmean")),
        shares(nn.KLDivLoss(reduction="batchmean")),
        image(),
        image(nn.Softmax2d()),
    ],
)
def test_what_is_no_logarithm_is_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        classes(nn.NLLLoss(), nn.LogSoftmax(1)),
        classes(of_the_logarithm, nn.Softmax(1)),
        classes(lambda p, y: F.nll_loss(p - p.logsumexp(1, keepdim=True), y)),
        classes(weighted),
        classes(masked),
        classes(copying),
        classes(nn.CrossEntropyLoss()),
        shares(lambda p, y: F.kl_div(F.log_softmax(p / 3, 1), y, reduction="batchmean")),
        shares(logarithms_of_both),
        image(nn.LogSoftmax(1)),
    ],
)
def test_a_logarithm_is_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_low_precision_is_no_fault() -> None:
    def loop() -> None:
        x, y = lumps(30)
        model = network(8, 30, nn.LogSoftmax(1)).bfloat16()
        fit(
            model, nn.NLLLoss(), batches(x.bfloat16(), y), torch.optim.SGD(model.parameters(), 0.05)
        )

    assert names(loop) == []


def test_it_says_what_was_given_and_what_to_take() -> None:
    (softmax,) = watch(classes(nn.NLLLoss(), nn.Softmax(1))).findings
    assert "nll_loss expects log-probabilities and is given probabilities of 0." in softmax.message
    assert "`log_softmax` in place of `softmax`" in softmax.fix
    assert softmax.count == 20
    (raw,) = watch(classes(nn.NLLLoss())).findings
    assert "is given raw outputs of -" in raw.message
    assert "F.cross_entropy(logits, targets)" in raw.fix
