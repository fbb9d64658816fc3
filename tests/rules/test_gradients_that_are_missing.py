"""missing-backward and gradientless-parameter: what they say, and what they leave alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from watching import names, watch


def batch(size: int = 16) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(size, 8)
    return x, (x[:, 0] > 0).long()


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))


def train(model: nn.Module, updates: int = 12) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(updates):
        x, y = batch()
        optimizer.zero_grad()
        fn.cross_entropy(model(x), y).backward()
        optimizer.step()


def stepping(backward: Callable[[int], bool], steps: int = 1) -> Callable[[], None]:
    def loop() -> None:
        model = network()
        optimizer = torch.optim.AdamW(model.parameters())
        for number in range(20):
            x, y = batch()
            optimizer.zero_grad()
            loss = fn.cross_entropy(model(x), y)
            if backward(number):
                loss.backward()
            for _ in range(steps):
                optimizer.step()

    return loop


@pytest.mark.parametrize("period", [100, 3])
def test_updates_without_a_backward_are_named(period: int) -> None:
    (finding,) = watch(stepping(lambda number: number % period == 2)).findings
    assert finding.rule == "missing-backward"
    assert finding.count >= 13
    assert "loss.backward()" in finding.fix
    assert "they found no gradient" in finding.message


def test_an_old_gradient_used_again_is_named() -> None:
    (finding,) = watch(stepping(lambda number: True, steps=2)).findings
    assert finding.rule == "missing-backward"
    assert "they repeat an old gradient" in finding.message


def test_a_batch_left_out_now_and_then_is_silent() -> None:
    assert not names(stepping(lambda number: number % 4 != 0))


def test_an_optimizer_that_needs_no_gradients_is_silent() -> None:
    class Wander(torch.optim.Optimizer):
        def step(self, closure: object = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            with torch.no_grad():
                for parameter in self.param_groups[0]["params"]:
                    parameter.add_(0.01 * torch.randn_like(parameter))

    def loop() -> None:
        model = network()
        optimizer = Wander(model.parameters(), {})
        for _ in range(20):
            x, y = batch()
            with torch.no_grad():
                fn.cross_entropy(model(x), y)
            optimizer.step()

    assert "missing-backward" not in names(loop)


class Parts(nn.Module):
    def __init__(self, cut: str) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 2)
        self.cut = cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(self.cut != "no_grad"):
            hidden = self.first(x).relu()
        if self.cut == "data":
            hidden = hidden.data
        if self.cut != "unused":
            hidden = self.second(hidden).relu()
        return self.last(hidden)


@pytest.mark.parametrize(
    ("cut", "name", "word"),
    [
        ("data", "first.weight", "cut"),
        ("no_grad", "first.weight", "no_grad"),
        ("unused", "second.weight", "unused"),
    ],
)
def test_a_layer_without_gradients_is_named(cut: str, name: str, word: str) -> None:
    (finding,) = watch(lambda: train(Parts(cut))).findings
    assert finding.rule == "gradientless-parameter"
    assert name in finding.message
    assert finding.evidence["kind"] == word


def test_a_maker_whose_work_is_detached_is_named() -> None:
    def loop() -> None:
        maker = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
        judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
        making, judging = torch.optim.Adam(maker.parameters()), torch.optim.Adam(judge.parameters())
        for _ in range(20):
            fake = maker(torch.randn(16, 4)).detach()
            for optimizer, sign in ((judging, 1), (making, -1)):
                optimizer.zero_grad()
                (sign * (judge(fake) - judge(torch.randn(16, 8))).mean()).backward()
                optimizer.step()

    assert names(loop) == ["gradientless-parameter"]


def duel(*, backward: bool, every: int = 1) -> Callable[[], None]:
    """A maker and a judge; the maker's loss is what the judge says of its work."""

    def loop() -> None:
        maker = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
        judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
        making, judging = torch.optim.Adam(maker.parameters()), torch.optim.Adam(judge.parameters())
        grade, one = nn.BCEWithLogitsLoss(), torch.ones(16, 1)
        for number in range(100):
            with torch.no_grad():
                fake = maker(torch.randn(16, 4))
            judging.zero_grad()
            right = grade(judge(torch.randn(16, 8)), one)
            (right + grade(judge(fake), 0 * one)).backward()
            judging.step()
            making.zero_grad()
            loss = grade(judge(maker(torch.randn(16, 4))), one)
            if backward and number % every == 0:
                loss.backward()
            if not backward or number % every == 0:
                making.step()

    return loop


def test_a_maker_whose_loss_is_never_asked_for_gradients_is_named() -> None:
    (finding,) = watch(duel(backward=False)).findings
    assert finding.rule == "missing-backward"
    assert finding.count == 100


def test_a_maker_that_learns_is_silent() -> None:
    assert "missing-backward" not in names(duel(backward=True))
    assert "missing-backward" not in names(duel(backward=True, every=3))


def test_loaded_and_frozen_layers_are_silent() -> None:
    def loaded() -> None:
        model = Parts("no_grad")
        model.load_state_dict(Parts("").state_dict())
        train(model)

    def frozen() -> None:
        model = Parts("")
        model.first.requires_grad_(False)
        train(model)

    assert not names(loaded)
    assert not names(frozen)


def test_a_head_used_in_every_other_iteration_is_silent() -> None:
    class Heads(Parts):
        calls = 0

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            hidden = self.first(x).relu()
            return self.last(self.second(hidden).relu() if self.calls % 2 else hidden)

    assert not names(lambda: train(Heads("")))


def test_five_updates_are_too_few_to_call_a_layer_unused() -> None:
    assert not names(lambda: train(Parts("unused"), updates=5))
