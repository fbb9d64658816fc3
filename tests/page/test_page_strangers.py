"""What scripts by other hands have shown, each in a small variant of our own."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from hand import Told, staged
from hand import by_hand as steps_by_hand
from torch import nn
from torch.nn import functional

from fivestep.page.protocol import Message


def lit(told: Told, step: str) -> list[int]:
    return [one["site"]["line"] for one in told.of("moment") if one["step"] == step]


def here() -> int:
    return sys._getframe(1).f_lineno  # pyright: ignore[reportPrivateUsage]


class Pair(nn.Module):
    """Returns a loss of its own beside its answer, as language models do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(3, 5)

    def forward(self, x: Any) -> Any:
        answer = self.inner(x)
        return answer, answer.logsumexp(-1).mean()


@pytest.mark.parametrize("way", ["scaled", "attribute", "plain", "weighted"])
def test_a_loss_that_comes_in_a_tuple_is_lit_where_it_was_made(way: str) -> None:
    made = 0

    def loop() -> None:
        nonlocal made
        model, holder = Pair(), nn.Module()
        scaler = torch.amp.GradScaler("cpu", enabled=False)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(2):
            if way == "attribute":
                _, holder.loss = model(torch.ones(2, 3))
                made = here() - 1
                holder.loss.backward()
            else:
                _, loss = model(torch.ones(2, 3))
                made = here() - 1
                if way == "scaled":
                    scaler.scale(loss).backward()
                elif way == "weighted":
                    loss.backward(torch.ones_like(loss))
                else:
                    loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    _, told = staged(loop, ["step"] * 8)
    assert lit(told, "loss") == [made, made]


def test_what_calls_backward_is_not_taken_for_the_loss() -> None:
    made = 0

    def loop() -> None:
        nonlocal made
        model = Pair()
        accelerator = torch.autograd  # as Accelerate and Fabric do it
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        _, loss = model(torch.ones(2, 3))
        made = here() - 1
        accelerator.backward(loss)
        optimizer.step()

    _, told = staged(loop, ["step"] * 4)
    assert lit(told, "loss") == [made]


def two_models(plan: list[Any]) -> Told:
    def loop() -> None:
        torch.manual_seed(0)
        makes, judges = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 9), nn.Linear(9, 1))
        deep = [nn.Linear(3, 3) for _ in range(6)]  # more parameters than are shown
        maker = nn.Sequential(makes, *deep)
        first = torch.optim.Adam(maker.parameters(), lr=0.1)
        second = torch.optim.Adam(judges.parameters(), lr=0.1)
        for _ in range(2):
            first.zero_grad()
            made = maker(torch.ones(4, 2))
            functional.mse_loss(judges(made), torch.ones(4, 1)).backward()
            first.step()
            second.zero_grad()
            functional.mse_loss(judges(made.detach()), torch.zeros(4, 1)).backward()
            second.step()

    return staged(loop, plan)[1]


def names(moment: Message) -> list[str]:
    return [one["name"] for one in moment["parameters"]]


def test_of_several_models_the_one_that_is_updated_is_shown_first() -> None:
    updates = [one for one in two_models(["step"] * 30).of("moment") if one["step"] == "update"]
    assert len(updates) == 4
    for moment, inputs in zip(updates, (2, 3, 2, 3), strict=True):
        assert moment["parameters"][0]["shape"][1] == inputs
        moved = moment["parameters"][0]
        assert moved["before"] != moved["after"]
    assert names(updates[0])[0] != names(updates[1])[0]


def test_between_clearing_and_update_the_same_model_is_shown() -> None:
    moments = two_models(["step"] * 30).of("moment")
    ends = [place for place, one in enumerate(moments) if one["step"] == "update"]
    second = moments[ends[0] + 2 : ends[1] + 1]
    assert {one["step"] for one in second} == {"forward", "loss", "backward", "update"}
    assert len({names(one)[0] for one in second}) == 1


def by_hand(plan: list[Any]) -> Told:
    def loop() -> None:
        weight = torch.full((2, 1), 0.5, requires_grad=True)
        for _ in range(4):
            loss = ((torch.ones(3, 2) @ weight) - 3).pow(2).mean()
            loss.backward()
            with torch.no_grad():
                weight -= 0.01 * weight.grad  # type: ignore[operator]
                weight.grad = None

    return staged(loop, plan)[1]


def test_weights_that_nobody_holds_are_found_behind_the_loss() -> None:
    told = by_hand(["step"] * 8)
    for moment in told.of("moment"):
        assert [one["shape"] for one in moment["parameters"]] == [[2, 1]]
    backward = next(one for one in told.of("moment") if one["step"] == "backward")
    assert backward["parameters"][0]["gradient"] == [-4.0, -4.0]


def test_an_update_by_hand_is_said_to_be_out_of_reach() -> None:
    told = by_hand(["step"] * 8)
    assert [one["text"].partition(":")[0] for one in told.of("note")] == ["no optimizer was heard"]
    why = told.of("knobs")[-1]["knobs"]["lr"]["why"]
    assert why == "this script has no optimizer: it changes its weights by hand"


@pytest.mark.parametrize("writes", [True, False])
def test_a_script_that_writes_the_rate_itself_is_told_of(writes: bool) -> None:
    def loop() -> None:
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for i in range(6):
            if writes:
                optimizer.param_groups[0]["lr"] = 0.1 / (i + 1)
            functional.mse_loss(model(torch.ones(3, 1)), torch.ones(3, 1)).backward()
            optimizer.step()
            optimizer.zero_grad()

    _, told = staged(loop, ["step", ("lr", 0.5), *["iteration"] * 4])
    notes = [one["text"] for one in told.of("note")]
    assert [one.startswith("the script sets the rate itself") for one in notes] == [True] * writes


def test_a_long_iteration_that_was_asked_for_is_told_as_running() -> None:
    def loop() -> None:
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for _ in range(3):
            functional.mse_loss(model(torch.ones(3, 1)), torch.ones(3, 1)).backward()
            optimizer.step()
            optimizer.zero_grad()

    _, told = staged(loop, ["step", "iteration", "step"])
    at = next(place for place, one in enumerate(told) if one.get("id") == "2")
    assert next(one for one in told[at:] if one["kind"] == "state")["paused"] is False
    stepped = next(place for place, one in enumerate(told) if one.get("id") == "1")
    assert next(one for one in told[stepped:] if one["kind"] == "state")["paused"] is True


@pytest.mark.parametrize("order", ["FLZBU", "FLBUZ", "ZFLBU"])
def test_iteration_after_the_last_step_of_one_goes_through_the_next(order: str) -> None:
    _, told = staged(lambda: steps_by_hand(lambda i: order), [*["step"] * 10, "iteration"])
    held = [one["iteration"] for one in told.of("state") if one["paused"]]
    assert held[10:] == [2, 3]
