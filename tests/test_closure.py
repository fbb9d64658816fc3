"""What an optimizer that asks for the loss again is handed, and that it is never stale."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from by_hand import assert_same_training, closure_loop, twins
from torch import nn
from torch.nn import functional

from fivestep.closure import demands_closure, starting_from
from fivestep.loop import train

# --- Who demands a closure ----------------------------------------------------------------------


def parameters() -> list[nn.Parameter]:
    return [nn.Parameter(torch.ones(3))]


def test_only_a_closure_that_cannot_be_left_out_is_demanded() -> None:
    assert demands_closure(torch.optim.LBFGS(parameters()))
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop):
        assert not demands_closure(kind(parameters(), lr=0.1))


def test_a_scheduler_does_not_hide_the_demand() -> None:
    for kind, demanded in ((torch.optim.LBFGS, True), (torch.optim.SGD, False)):
        optimizer = kind(parameters(), lr=0.1)
        torch.optim.lr_scheduler.StepLR(optimizer, 1)
        assert demands_closure(optimizer) is demanded


def test_steps_of_every_shape() -> None:
    def demanded(step: Callable[..., Any]) -> bool:
        return demands_closure(type("Optimizer", (), {"step": staticmethod(step)})())

    assert demanded(lambda closure: None)
    assert demanded(lambda *, closure: None)
    assert not demanded(lambda: None)
    assert not demanded(lambda closure=None: None)
    assert not demanded(lambda *args, **kwargs: None)
    assert not demanded(print)
    assert not demanded(min)  # built in C, without a signature


# --- Foreign optimizers that ask ------------------------------------------------------------------


class Asking(torch.optim.Optimizer):
    """Looks elsewhere first, comes back, and goes downhill from where it stood."""

    def __init__(self, parameters: Any, move: Callable[[Any, float], None]) -> None:
        super().__init__(parameters, {"lr": 0.1})
        self.move = move

    def every(self) -> list[nn.Parameter]:
        return [p for group in self.param_groups for p in group["params"]]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # pyright: ignore
        for p in self.every():
            self.move(p, 0.25)
        with torch.enable_grad():
            loss = closure()
        for p in self.every():
            self.move(p, -0.25)
            if p.grad is not None:
                p.add_(p.grad, alpha=-0.1)
        return loss


def in_place(p: torch.Tensor, by: float) -> None:
    p.add_(by)


def through_data(p: torch.Tensor, by: float) -> None:
    p.data.add_(by)  # raises no version counter


def new_data(p: torch.Tensor, by: float) -> None:
    p.data = p.data + by


def new_values(p: torch.Tensor, by: float) -> None:
    p.copy_(p + by)


class AskingTwice(Asking):
    """Wants two evaluations of where it stands, and goes by the second."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # pyright: ignore
        with torch.enable_grad():
            first, second = closure(), closure()
        for p in self.every():
            if p.grad is not None:
                p.add_(p.grad * (first - second + 1), alpha=-0.1)


class ClearingFirst(Asking):
    """Empties the gradients itself before it asks."""

    def __init__(self, parameters: Any, *, set_to_none: bool) -> None:
        super().__init__(parameters, in_place)
        self.set_to_none = set_to_none

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:  # pyright: ignore
        self.zero_grad(set_to_none=self.set_to_none)
        with torch.enable_grad():
            loss = closure()
        for p in self.every():
            if p.grad is not None:
                p.add_(p.grad, alpha=-0.1)
        return loss


class NeverAsking(Asking):
    """Demands a closure and goes by the gradients that are there."""

    @torch.no_grad()
    def step(self, closure: Callable[[], Any]) -> None:  # pyright: ignore
        for p in self.every():
            if p.grad is not None:
                p.add_(p.grad, alpha=-0.1)


ASKING: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "moves in place": partial(Asking, move=in_place),
    "moves through .data": partial(Asking, move=through_data),
    "moves to new storage": partial(Asking, move=new_data),
    "copies new values": partial(Asking, move=new_values),
    "asks twice": partial(AskingTwice, move=in_place),
    "clears to None": partial(ClearingFirst, set_to_none=True),
    "clears to zero": partial(ClearingFirst, set_to_none=False),
}


def network(dropout: float) -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Dropout(dropout), nn.Linear(4, 2))


def some_batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [(torch.randn(5, 3), torch.randn(5, 2)) for _ in range(6)]


@pytest.mark.parametrize("name", ASKING)
def test_no_answer_is_stale(name: str) -> None:
    batches = some_batches()
    theirs, ours = twins(network(0.0), ASKING[name])
    closure_loop(theirs[0], functional.mse_loss, theirs[1], batches)
    for _ in train(ours[0], functional.mse_loss, ours[1], batches):
        pass
    assert_same_training(theirs, ours)


def test_two_evaluations_of_one_place_draw_two_dropout_masks() -> None:
    batches = some_batches()
    theirs, ours = twins(network(0.5), ASKING["asks twice"])
    torch.manual_seed(3)
    closure_loop(theirs[0], functional.mse_loss, theirs[1], batches)
    torch.manual_seed(3)
    for _ in train(ours[0], functional.mse_loss, ours[1], batches):
        pass
    assert_same_training(theirs, ours)


def test_an_optimizer_that_never_asks_has_its_gradients() -> None:
    batches = some_batches()
    theirs, ours = twins(network(0.0), partial(NeverAsking, move=in_place))
    plain = torch.optim.SGD(theirs[0].parameters(), lr=0.1)
    for inputs, targets in batches:
        plain.zero_grad()
        functional.mse_loss(theirs[0](inputs), targets).backward()
        plain.step()
    for _ in train(ours[0], functional.mse_loss, ours[1], batches):
        pass
    assert torch.equal(theirs[0][0].weight, ours[0][0].weight)  # pyright: ignore


def test_sparse_gradients() -> None:
    model = nn.Sequential(nn.Embedding(6, 3, sparse=True), nn.Flatten(), nn.Linear(6, 2))
    batches = [(torch.randint(6, (5, 2)), torch.randn(5, 2)) for _ in range(3)]
    theirs, ours = twins(model, partial(torch.optim.LBFGS, max_iter=4))
    closure_loop(theirs[0], functional.mse_loss, theirs[1], batches)
    for _ in train(ours[0], functional.mse_loss, ours[1], batches):
        pass
    assert torch.equal(theirs[0][0].weight, ours[0][0].weight)  # pyright: ignore


# --- The closure by itself ------------------------------------------------------------------------


def prepared() -> tuple[nn.Parameter, torch.optim.Optimizer]:
    p = nn.Parameter(torch.tensor([1.0, 3.0]))
    p.grad = torch.tensor([2.0, float("inf")])
    return p, torch.optim.LBFGS([p])


def test_the_first_answer_costs_nothing_and_the_next_are_true() -> None:
    answers = iter(["second", "third"])
    _, optimizer = prepared()
    closure = starting_from("first", lambda: next(answers), optimizer)
    assert [closure(), closure(), closure()] == ["first", "second", "third"]


def test_a_known_answer_is_never_given_late() -> None:
    p, optimizer = prepared()
    closure = starting_from("known", lambda: "true", optimizer)
    before = p.detach().clone()
    p.data.mul_(2)
    assert closure() == "true"
    p.data.copy_(before)  # back where it was, but the gradients are those of elsewhere
    assert closure() == "true"


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.data.add_(1e-6),
        lambda p: setattr(p, "data", p.data * 2),
        lambda p: setattr(p, "grad", None),
        lambda p: p.grad.zero_(),
        lambda p: p.grad.data.mul_(2),
        lambda p: setattr(p, "grad", p.grad * 2),
    ],
    ids=["weights", "storage", "no gradient", "cleared", "scaled", "another gradient"],
)
def test_any_change_of_weights_or_gradients_asks_for_the_truth(change: Callable[..., Any]) -> None:
    p, optimizer = prepared()
    closure = starting_from("known", lambda: "true", optimizer)
    change(p)
    assert closure() == "true"
