"""nonfinite-loss: the first operation that made it, by its name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from small_loops import Loss, batches, fit, line, lumps, network
from torch import nn
from watching import names, watch

NAME = "nonfinite-loss"


def numbers(loss_fn: Loss, outputs: int = 1) -> Callable[[], None]:
    return lambda: fit(network(4, outputs), loss_fn, batches(*line()))


def classes(loss_fn: Loss, *last: nn.Module) -> Callable[[], None]:
    return lambda: fit(network(8, 3, *last), loss_fn, batches(*lumps()))


def of_the_sure(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return -torch.log(F.relu(p - 0.3))[torch.arange(len(y)), y].mean()


def overlap(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Both sets empty: 0 / 0."""
    nothing = F.relu(p) * 0
    return 1 - 2 * (nothing * y).sum() / (nothing.sum() + 0 * y.sum())


def likelihood(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    variance = p[:, 1:] - 0.5
    return (torch.log(variance) + (p[:, :1] - y) ** 2 / variance).mean()


class MaskedAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.head = nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.query(x) @ x.transpose(1, 2)
        weights = torch.softmax(scores.masked_fill(torch.ones(6, 6) > 0, -torch.inf), -1)
        return self.head(weights @ x).mean(1)


def all_masked() -> None:
    fit(MaskedAttention(), nn.MSELoss(), batches(torch.randn(100, 6, 4), torch.randn(100, 1)))


def logarithms_as_targets() -> None:
    teacher, (x, _) = network(8, 3), lumps()

    def loss_fn(p: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        known = F.log_softmax(teacher(x).detach(), 1)
        return F.kl_div(F.log_softmax(p, 1), known, reduction="batchmean")

    fit(network(8, 3), loss_fn, batches(x, x))


def half_precision() -> None:
    x, y = line()
    model = network(4, 1).half()
    optimizer = torch.optim.SGD(model.parameters(), 1e-9)
    fit(model, lambda p, y: ((300 * (p - y)) ** 2).sum(), batches(x.half(), y.half()), optimizer)


def late() -> None:
    """Long after the first iterations, which are looked at in detail."""
    model = network(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for number, (x, y) in enumerate(batches(*line(), count=90)):
        loss = ((model(x) - y) ** 2).mean()
        if number >= 70:
            loss = loss + torch.log(0 * model(x)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def skipped() -> None:
    model = network(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    for number, (x, y) in enumerate(batches(*line())):
        loss = ((model(x) - y) ** 2).mean() * (torch.nan if number == 7 else 1)
        if not torch.isfinite(loss):
            continue
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.filterwarnings("ignore:std")
@pytest.mark.parametrize(
    ("loop", "made_by"),
    [
        (classes(of_the_sure, nn.Softmax(1)), "log takes 0 to"),
        (numbers(lambda p, y: torch.sqrt(p - y).mean()), "sqrt gives nan"),
        (numbers(lambda p, y: ((p - y) / (y.clamp(min=0) * p)).mean()), "a division divides by"),
        (numbers(overlap), "a division divides by 0"),
        (numbers(lambda p, y: torch.exp(100 * (p + 2)).mean()), "exp gives"),
        (numbers(lambda p, y: ((p - y) ** 1.5).mean()), "pow takes -"),
        (numbers(lambda p, y: torch.acos(2 * p).mean()), "acos takes"),
        (numbers(likelihood, outputs=2), "log takes -"),
        (numbers(lambda p, y: ((p - y) ** 2).mean() + p[:1].std()), "std of one element"),
        (numbers(lambda p, y: ((p - y)[y > 100] ** 2).mean()), "a mean of no elements"),
        (
            classes(lambda p, y: F.cross_entropy(p, torch.full_like(y, -100))),
            "every target of cross_entropy is -100",
        ),
        (logarithms_as_targets, "kl_div takes the logarithm of its targets"),
        (all_masked, "softmax over a row in which every number is -inf"),
        (half_precision, "float16 ends at 65504"),
        (late, "log takes"),
    ],
)
def test_it_names_what_made_it(loop: Callable[[], None], made_by: str) -> None:
    (finding,) = [one for one in watch(loop).findings if one.severity.value != "costly"]
    assert finding.rule == NAME
    assert made_by in finding.message
    assert made_by not in finding.cause, "once is enough"


def test_nothing_small_that_is_added_helps_a_logarithm_of_less_than_0() -> None:
    (below,) = [f for f in watch(numbers(likelihood, outputs=2)).findings if f.rule == NAME]
    assert "clamp(min=1e-8)" in below.fix
    assert "+ 1e-8" not in below.fix
    (at,) = [f for f in watch(classes(of_the_sure, nn.Softmax(1))).findings if f.rule == NAME]
    assert "x + 1e-8" in at.fix


def test_it_knows_when_it_began() -> None:
    (finding,) = watch(late).findings
    assert finding.iteration == 71
    assert finding.count == 20


def test_a_batch_that_is_left_out_is_no_fault() -> None:
    assert names(skipped) == []
