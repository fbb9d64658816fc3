"""swapped-arguments: which of the two carries the graph, where it matters."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, line, lumps, network
from torch import nn
from watching import names, watch

NAME = "swapped-arguments"


def classes(loss_fn: Loss, *last: nn.Module, count: int = 20) -> Callable[[], None]:
    """Targets are one-hot rows."""

    def loop() -> None:
        x, y = lumps()
        fit(network(8, 3, *last), loss_fn, batches(x, F.one_hot(y, 3).float(), count=count))

    return loop


def soft(loss_fn: Loss, *last: nn.Module) -> Callable[[], None]:
    return classes(lambda p, y: loss_fn(p, 0.9 * y + 0.1 / 3), *last, count=60)


def numbers(loss_fn: Loss) -> Callable[[], None]:
    return lambda: fit(network(4, 1), loss_fn, batches(*line(), count=40))


def from_teacher(
    loss_fn: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> Callable[[], None]:
    """``loss_fn(student's logits, teacher's logits)``."""

    def loop() -> None:
        teacher, (x, _) = network(8, 3), lumps()
        fit(network(8, 3), lambda p, x: loss_fn(p, teacher(x).detach()), batches(x, x))

    return loop


def adversary() -> None:
    maker, critic = network(2, 1), network(1, 1)
    makers = torch.optim.Adam(maker.parameters(), 1e-3)
    critics = torch.optim.Adam(critic.parameters(), 1e-3)
    judge = F.binary_cross_entropy_with_logits
    for _ in range(20):
        fake = maker(torch.randn(16, 2))
        loss = judge(critic(2 + torch.randn(16, 1)), torch.ones(16, 1))
        loss = loss + judge(critic(fake.detach()), torch.zeros(16, 1))
        critics.zero_grad()
        loss.backward()
        critics.step()
        loss = judge(critic(fake), torch.ones(16, 1))
        makers.zero_grad()
        loss.backward()
        makers.step()


@pytest.mark.parametrize(
    "loop",
    [
        classes(lambda p, y: F.cross_entropy(y, p)),
        soft(lambda p, y: nn.CrossEntropyLoss()(y, p)),
        soft(lambda p, y: F.binary_cross_entropy(y, p), nn.Sigmoid()),
        classes(lambda p, y: nn.BCEWithLogitsLoss()(y, p), count=120),
        soft(lambda p, y: F.kl_div(y, p, reduction="batchmean"), nn.LogSoftmax(1)),
        numbers(lambda p, y: F.poisson_nll_loss(y.abs().round(), p)),
    ],
)
def test_targets_in_the_first_place_are_named(loop: Callable[[], None]) -> None:
    assert names(loop) == [NAME]


@pytest.mark.parametrize(
    "loop",
    [
        numbers(lambda p, y: F.mse_loss(y, p)),
        numbers(lambda p, y: nn.SmoothL1Loss()(y, p)),
        classes(lambda p, y: F.cross_entropy(p, y)),
        from_teacher(
            lambda p, t: F.kl_div(F.log_softmax(p, 1), F.softmax(t, 1), reduction="batchmean")
        ),
        from_teacher(
            lambda p, t: F.kl_div(
                F.log_softmax(t, 1), F.log_softmax(p, 1), reduction="batchmean", log_target=True
            )
        ),
        from_teacher(lambda p, t: F.kl_div(F.log_softmax(t, 1), F.softmax(p, 1), reduction="sum")),
        adversary,
    ],
)
def test_symmetric_losses_and_distillation_are_left_alone(loop: Callable[[], None]) -> None:
    assert names(loop) == []


def test_it_says_which_has_the_graph() -> None:
    (finding,) = watch(classes(lambda p, y: F.cross_entropy(y, p))).findings
    assert "its first argument (0 to 1) has no graph, its second has" in finding.message
    assert finding.fix.startswith("put the prediction first: `")
    assert "F.cross_entropy(p, y)" in finding.fix
    assert finding.iteration == 1
