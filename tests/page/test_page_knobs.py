"""Each knob does to a loop what an edit of the loop would do, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hand import ADAM, ITERATIONS, SGD, Item, by_hand, equal, staged
from torch import nn

ORDERS = ["FLZBU", "ZFLBU", "FLBUZ", "FZLBU"]
MOVED = {
    "before forward": "F", "before loss": "L", "before backward": "B", "before update": "U",
}  # fmt: skip


def after(k: int, *items: Item) -> list[Item]:
    """Let k iterations pass, then ask."""
    return [*["iteration"] * k, *items, "play"]


@pytest.mark.parametrize("make", [SGD, ADAM])
@pytest.mark.parametrize("order", ORDERS)
def test_watched_and_not_steered_the_weights_are_the_same(order: str, make: str) -> None:
    plain = by_hand(lambda i: order, make=make)
    played, _ = staged(lambda: by_hand(lambda i: order, make=make), [])
    stepped, told = staged(lambda: by_hand(lambda i: order, make=make), ["step"] * 5 * ITERATIONS)
    assert equal(played, plain)
    assert equal(stepped, plain)
    assert len(told.of("moment")) == 5 * ITERATIONS


@pytest.mark.parametrize("k", [0, 3])
@pytest.mark.parametrize("order", ORDERS)
def test_skip_zero_grad(order: str, k: int) -> None:
    without = order.replace("Z", "")
    expected = by_hand(lambda i: order if i <= k else without)
    got, told = staged(lambda: by_hand(lambda i: order), after(k, ("skip_zero_grad", True)))
    assert equal(got, expected)
    assert not equal(got, by_hand(lambda i: order))
    skipped = [one["iteration"] for one in told.of("moment") if one.get("skipped")]
    assert set(skipped) <= set(range(k + 1, ITERATIONS + 1))


def test_skip_zero_grad_and_back() -> None:
    got, _ = staged(
        lambda: by_hand(lambda i: "FLZBU"),
        after(2, ("skip_zero_grad", True), "iteration", "iteration", ("skip_zero_grad", False)),
    )
    assert equal(got, by_hand(lambda i: "FLBU" if i in (3, 4) else "FLZBU"))


def moved(order: str, place: str) -> str:
    rest = order.replace("Z", "")
    if place == "after update":
        return rest.replace("U", "UZ")
    return rest.replace(MOVED[place], "Z" + MOVED[place])


@pytest.mark.parametrize("k", [0, 3])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("place", [*MOVED, "after update"])
def test_zero_grad_at_each_of_its_places(place: str, order: str, k: int) -> None:
    edited = moved(order, place)
    expected = by_hand(lambda i: order if i <= k else edited)
    got, told = staged(
        lambda: by_hand(lambda i: order), after(k, ("zero_grad_at", place), "iteration")
    )
    assert equal(got, expected)
    names = {"F": "forward", "L": "loss", "Z": "zero_grad", "B": "backward", "U": "update"}
    seen = [
        one["step"]
        for one in told.of("moment")
        if one["iteration"] == k + 1 and not one.get("skipped")
    ]
    assert seen == [names[one] for one in edited]


def test_before_the_update_nothing_is_learned() -> None:
    got, _ = staged(lambda: by_hand(lambda i: "FLZBU"), [("zero_grad_at", "before update"), "play"])
    assert equal(got, by_hand(lambda i: ""))


@pytest.mark.parametrize("place", [*MOVED, "after update"])
def test_a_moved_zero_grad_clears_once_for_each_update(place: str) -> None:
    """Two batches are added up for each update: clearing between them would lose the first."""

    def windows(i: int) -> str:
        return "FLBUZ" if i % 2 == 0 else "FLB"

    def edited(i: int) -> str:
        if place == "after update":
            return windows(i)
        first, letter = i % 2 == 1, MOVED[place]
        if place == "before update":
            return "FLB" if first else "FLBZU"
        return "FLB".replace(letter, "Z" + letter) if first else "FLBU"

    got, _ = staged(lambda: by_hand(windows), [("zero_grad_at", place), "play"])
    assert equal(got, by_hand(edited))


@pytest.mark.parametrize("make", [SGD, ADAM])
@pytest.mark.parametrize(("name", "value"), [("lr", 0.3), ("lr", 0.0), ("momentum", 0.25)])
@pytest.mark.parametrize("k", [0, 4])
def test_a_number_turned_at_an_iteration(k: int, name: str, value: float, make: str) -> None:
    def turn(i: int, model: nn.Module, optimizer: Any) -> None:
        if i != k + 1:
            return
        for group in optimizer.param_groups:
            if name == "lr":
                group["lr"] = value
            elif make == SGD:
                group["momentum"] = value
            else:
                group["betas"] = (value, group["betas"][1])

    expected = by_hand(lambda i: "FLZBU", make=make, before=turn)
    got, told = staged(lambda: by_hand(lambda i: "FLZBU", make=make), after(k, (name, value)))
    assert equal(got, expected)
    assert not equal(got, by_hand(lambda i: "FLZBU", make=make))
    (ack,) = [one for one in told.of("ack") if "knob" in one.get("applied", {})]
    assert ack["applied"] == {"knob": name, "value": value}
    assert (ack["iteration"], ack["step"]) == (k, None if k <= 1 else "update")


@pytest.mark.parametrize("k", [0, 3])
def test_clip(k: int) -> None:
    expected = by_hand(lambda i: "FLZBU", clip=lambda i: 0.01 if i > k else None)
    got, told = staged(
        lambda: by_hand(lambda i: "FLZBU"), after(k, ("clip", 0.01), "iteration"), share=0.0
    )
    assert equal(got, expected)
    assert not equal(got, by_hand(lambda i: "FLZBU"))
    clipped = [one["iteration"] for one in told.of("moment") if one.get("clipped")]
    assert clipped == [k + 1, k + 2]  # it was asked to go on after the first: the rest is not told


@pytest.mark.parametrize("k", [0, 3])
def test_eval_mode(k: int) -> None:
    expected = by_hand(lambda i: "FLZBU", evaluated=lambda i: i > k)
    got, _ = staged(lambda: by_hand(lambda i: "FLZBU"), after(k, ("eval_mode", True)))
    assert equal(got, expected)
    assert not equal(got, by_hand(lambda i: "FLZBU"))


def test_train_mode_in_a_model_that_evaluates_and_back() -> None:
    plan = [
        "iteration",
        "iteration",
        ("eval_mode", False),
        "iteration",
        ("eval_mode", None),
        "play",
    ]
    got, _ = staged(lambda: by_hand(lambda i: "FLZBU", evaluated=lambda i: True), plan)
    assert equal(got, by_hand(lambda i: "FLZBU", evaluated=lambda i: i != 3))


def test_the_modes_are_the_scripts_again_after_a_forward() -> None:
    modes: list[bool] = []

    def loop() -> None:
        model = nn.Sequential(nn.Linear(2, 1), nn.Dropout())
        for _ in range(3):
            model(torch.ones(1, 2)).sum().backward()
            modes.extend(one.training for one in model.modules())

    staged(loop, ["step", ("eval_mode", True), "play"])
    assert modes == [True] * 9


def test_a_knob_in_the_middle_of_an_iteration_acts_at_once() -> None:
    """After backward the gradient is there: a rate turned now is the rate of this update."""
    got, told = staged(lambda: by_hand(lambda i: "FLZBU"), [*["step"] * 4, ("lr", 0.4), "play"])

    def turn(i: int, model: nn.Module, optimizer: Any) -> None:
        if i == 1:
            optimizer.param_groups[0]["lr"] = 0.4

    assert equal(got, by_hand(lambda i: "FLZBU", before=turn))
    (ack,) = [one for one in told.of("ack") if "knob" in one["applied"]]
    assert (ack["iteration"], ack["step"]) == (1, "backward")


def test_groups_keep_their_proportion() -> None:
    rates: list[list[float]] = []

    def loop() -> None:
        model = nn.Linear(2, 2)
        groups = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.02}]
        optimizer = torch.optim.SGD(groups)
        for _ in range(2):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
            rates.append([group["lr"] for group in optimizer.param_groups])

    staged(loop, ["iteration", ("lr", 0.5), "play"])
    assert rates[0] == [0.1, 0.02]
    assert rates[1] == pytest.approx([0.5, 0.1])


def adversaries(
    rates: list[list[float]], *, schedules: bool = False, iterations: int = 4
) -> Callable[[], None]:
    """Two networks with an optimizer each, of three groups; what held in every update."""

    def loop() -> None:
        one, other = nn.Linear(2, 2), nn.Linear(2, 1)
        first = torch.optim.Adam(
            [{"params": [one.weight], "lr": 0.1}, {"params": [one.bias], "lr": 0.02}]
        )
        second = torch.optim.SGD(other.parameters(), lr=0.4)
        plans = [torch.optim.lr_scheduler.StepLR(o, 1, 0.5) for o in (first, second)] * schedules
        for _ in range(iterations):
            first.zero_grad()
            one(torch.ones(1, 2)).sum().backward()
            first.step()
            used = [group["lr"] for group in first.param_groups]
            second.zero_grad()
            other(torch.ones(1, 2)).sum().backward()
            second.step()
            rates.append([*used, *[group["lr"] for group in second.param_groups]])
            for plan in plans:
                plan.step()

    return loop


def test_two_optimizers_keep_their_proportion() -> None:
    rates: list[list[float]] = []
    staged(adversaries(rates), ["iteration", ("lr", 0.5), "play"])
    assert rates[0] == [0.1, 0.02, 0.4]
    assert rates[1] == pytest.approx([0.5, 0.1, 2.0])


@pytest.mark.parametrize("plan", [["step"], ["step"] * 4, []])
def test_also_if_one_has_not_had_its_turn_yet(plan: list[Any]) -> None:
    rates: list[list[float]] = []
    staged(adversaries(rates), [*["step"] * 4, *plan, ("lr", 0.5), "play"])
    assert rates[1] == pytest.approx([0.5, 0.1, 2.0])


def test_from_0_they_come_back_as_they_were() -> None:
    rates: list[list[float]] = []
    turns = ["iteration", ("lr", 0.0), "iteration", ("lr", 0.0), ("lr", 0.5), "iteration", "play"]
    staged(adversaries(rates), turns)
    assert any(one[:2] == [0.0, 0.0] for one in rates)
    assert rates[-1] == pytest.approx([0.5, 0.1, 2.0])


def test_with_a_schedule_in_between() -> None:
    rates: list[list[float]] = []
    loop = adversaries(rates, schedules=True)
    plan = ["iteration", ("lr", 0.8), "iteration", ("lr", 0.0), "iteration", ("lr", 0.4), "play"]
    staged(loop, plan)
    assert rates[-1][0] > 0
    assert [one / rates[-1][0] for one in rates[-1]] == pytest.approx([1, 0.2, 4])


def test_a_group_that_the_script_holds_at_0_stays_there() -> None:
    rates: list[list[float]] = []

    def loop() -> None:
        model = nn.Linear(2, 2)
        frozen = [{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.0}]
        optimizer = torch.optim.SGD(frozen)
        for _ in range(4):
            optimizer.zero_grad()
            model(torch.ones(1, 2)).sum().backward()
            optimizer.step()
            rates.append([group["lr"] for group in optimizer.param_groups])

    staged(loop, ["iteration", ("lr", 0.0), "iteration", ("lr", 0.5), "play"])
    assert rates[-1] == [0.5, 0.0]


def test_each_parameter_is_told_with_the_rate_that_moves_it() -> None:
    rates: list[list[float]] = []
    _, told = staged(adversaries(rates), ["step"] * 8)
    updates = [one for one in told.of("moment") if one["step"] == "update"]
    found = {
        one["name"].rpartition(" ")[2] + one["name"][:1] + str(one["shape"]): one["rate"]
        for one in updates[1]["parameters"]
    }
    assert sorted(found.values()) == [0.02, 0.1, 0.4, 0.4]
    for one in updates[1]["parameters"]:
        if one["shape"] == [1, 2]:
            told_so = one["before"][0] - one["rate"] * one["gradient"][0]
            assert one["after"][0] == pytest.approx(told_so, rel=1e-4)


def test_an_iteration_tells_the_rate_of_its_own_update() -> None:
    used: list[list[float]] = []
    _, told = staged(adversaries(used, schedules=True), ["iteration"] * 2)
    assert used[0][0] != used[1][0]
    assert [one["rate"] for one in told.of("iteration")] == pytest.approx([one[0] for one in used])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lr", -0.1, "from 0 to 1000"), ("lr", "fast", "from 0 to 1000"), ("lr", None, "from 0"),
        ("lr", True, "from 0"), ("lr", float("nan"), "from 0"), ("momentum", 1.0, "0.9999"),
        ("clip", -1, "1e+06"), ("skip_zero_grad", 1, "true or false"),
        ("zero_grad_at", "nowhere", "one of"), ("eval_mode", "yes", "null"),
        ("backdoor", 1, "unknown"),
    ],
)  # fmt: skip
def test_what_a_knob_does_not_take_is_refused_and_changes_nothing(
    name: str, value: Any, words: str
) -> None:
    got, told = staged(lambda: by_hand(lambda i: "FLZBU"), ["iteration", (name, value), "play"])
    (refused,) = [one["refused"] for one in told.of("ack") if "refused" in one]
    assert words in refused
    assert equal(got, by_hand(lambda i: "FLZBU"))


def test_a_knob_that_cannot_act_says_why() -> None:
    def loop() -> None:
        weight = torch.zeros(1, requires_grad=True)
        optimizer = torch.optim.Adagrad([weight], lr=0.1)
        for _ in range(4):
            ((weight - 3) ** 2).sum().backward()
            optimizer.step()
            weight.grad = None

    plan = [
        *["iteration"] * 3,
        ("momentum", 0.5),
        ("zero_grad_at", "before loss"),
        ("eval_mode", True),
    ]
    _, told = staged(loop, plan)
    refused = [one["refused"] for one in told.of("ack") if "refused" in one]
    assert refused == [
        "momentum cannot act: Adagrad has no momentum",
        "zero_grad_at cannot act: this script never calls zero_grad: it clears by hand, or not at "
        "all",
        "eval_mode cannot act: no model is called: a model has the modes",
    ]
    knobs = told.of("knobs")[-1]["knobs"]
    assert not knobs["momentum"]["works"]
    assert knobs["lr"]["works"]


def test_a_schedule_is_told_of() -> None:
    def loop() -> list[float]:
        model = nn.Linear(1, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
        rates: list[float] = []
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.ones(1, 1)).sum().backward()
            optimizer.step()
            rates.append(optimizer.param_groups[0]["lr"])
            schedule.step()
        return rates

    rates, told = staged(loop, ["step", ("lr", 0.1), "play"])
    assert rates == pytest.approx([0.1, 0.05, 0.025])
    assert "schedule" in told.of("note")[0]["text"]
