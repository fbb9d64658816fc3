"""Where the first number that is not finite came from, told when a loss is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hand import Told, staged
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from fivestep.page.control import Control
from fivestep.page.perform import Attendant
from fivestep.page.stage import Stage

AT = 7
Change = Callable[[int, nn.Module, torch.Tensor, torch.Tensor], None]


def nothing(i: int, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    pass


def weight(name: str, value: float) -> Change:
    """As a weight that has run away: finite, and too large."""

    def change(i: int, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
        if i == AT:
            with torch.no_grad():
                dict(model.named_parameters())[name].fill_(value)

    return change


def run(
    change: Change = nothing,
    loss_fn: Any = functional.mse_loss,
    *,
    model: Callable[[], nn.Module] | None = None,
    iterations: int = 10,
    plan: Any = (),
) -> Told:
    torch.manual_seed(0)
    net = model() if model else nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

    def loop() -> None:
        for i in range(1, iterations + 1):
            x, y = torch.randn(5, 3), torch.randn(5, 1)
            change(i, net, x, y)
            optimizer.zero_grad()
            loss = loss_fn(net(x), y)
            loss.backward()
            optimizer.step()

    return staged(loop, plan)[1]


def words(told: Told) -> str:
    (one,) = told.of("lost")
    assert one["iteration"] == AT
    return one["words"]


def spoil(which: int, value: float) -> Change:
    def change(i: int, model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
        if i == AT:
            (x, y)[which][0, 0] = value

    return change


class Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU(), nn.Linear(4, 4))
        self.head = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.exp(self.encoder(x)))


def with_logarithm(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return functional.mse_loss(p, y) + torch.log(p * 0).mean()


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        (spoil(0, math.nan), {}, "first in the data: this batch holds numbers"),
        (spoil(1, math.inf), {}, "first in the data: this batch holds numbers"),
        (weight("2.weight", 3e38), {}, "first in layer 2 (Linear), forward"),
        (weight("2.weight", 1e25), {}, "first in `mse_loss`, after layer 2 (Linear)"),
        (weight("0.weight", math.nan), {}, "first in the update before: weights were not finite"),
        (weight("head.weight", 3e38), {"model": Deep}, "first in layer head (Linear), forward"),
        (
            weight("encoder.2.bias", 200.0), {"model": Deep},
            "first in `exp`, after layer encoder.2 (Linear)",
        ),
        (
            weight("encoder.0.weight", 3e38), {"model": Deep},
            "first in layer encoder.0 (Linear), forward",
        ),
        (
            nothing, {"loss_fn": with_logarithm},
            "first in `log`, after layer 2 (Linear)",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("plan", [(), ("iteration",) * 12])
def test_the_first_place_is_named(
    change: Change, options: dict[str, Any], expected: str, plan: Any
) -> None:
    if change is nothing:
        (one,) = run(change, **options, plan=plan, iterations=4).of("lost")
        assert one["words"].startswith(expected)
        return
    assert words(run(change, **options, plan=plan)).startswith(expected)


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_gradient_that_was_none_is_named_where_it_still_stands(everywhere: bool) -> None:
    torch.manual_seed(0)
    net, told = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1)), Told()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with Attendant(Stage(told.post, Control(paused=False))):
        for i in range(1, 10):
            prediction = net(torch.randn(5, 3))
            loss = functional.mse_loss(prediction, torch.randn(5, 1))
            optimizer.zero_grad()
            if i == AT - 1 and everywhere:
                loss = loss + torch.sqrt(prediction * 0).sum()  # its slope at 0 is infinite
            loss.backward()
            if i == AT - 1 and not everywhere:
                net[1].weight.grad[0, 1] = math.nan  # type: ignore[index, union-attr]
            optimizer.step()
    said = "not one gradient was finite" if everywhere else "the gradient of layer 1 (Linear)"
    assert words(told) == f"first in backward of the iteration before: {said}"


def test_a_mask_is_not_taken_for_the_fault() -> None:
    class Attending(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.last = nn.Linear(3, 3), nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            scores = self.query(x) @ x.T
            scores = scores + torch.full((5, 5), -math.inf).triu(1)
            return self.last(torch.softmax(scores, -1) * 1.0 @ x)

    told = run(weight("last.weight", 3e38), model=Attending)
    assert words(told) == "first in layer last (Linear), forward"


def test_it_is_told_once_and_again_when_it_happens_again() -> None:
    def loss_fn(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        loss_fn.count += 1  # type: ignore[attr-defined]
        lost = loss_fn.count in (3, 4, 5, 8)  # type: ignore[attr-defined]
        return (p * (math.nan if lost else 1.0)).detach().sum() + 0 * p.sum()

    loss_fn.count = 0  # type: ignore[attr-defined]
    told = run(loss_fn=loss_fn)
    assert [one["iteration"] for one in told.of("lost")] == [3, 8]


def test_nothing_is_computed_again() -> None:
    calls = 0

    def part(x: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return torch.tanh(x) * math.nan

    class Kept(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return checkpoint(part, self.first(x), use_reentrant=False)  # type: ignore[no-any-return]

    told = run(model=Kept, iterations=1)
    assert len(told.of("lost")) == 1
    assert calls == 2, "once forward, once for backward"


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_watched_the_weights_are_the_same(kind: torch.dtype) -> None:
    def weights(watched: bool) -> list[torch.Tensor]:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.3), nn.Linear(4, 1)).to(kind)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)

        def loop() -> list[torch.Tensor]:
            for i in range(6):
                loss = net(torch.randn(5, 3).to(kind)).square().mean()
                if i == 3:
                    loss = loss * math.inf
                optimizer.zero_grad()
                loss.backward()
                if i != 3:
                    optimizer.step()
            return [one.detach().clone() for one in net.parameters()]

        return staged(loop, [])[0] if watched else loop()

    assert all(a.equal(b) for a, b in zip(weights(True), weights(False), strict=True))
