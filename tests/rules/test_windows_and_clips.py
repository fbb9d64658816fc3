"""Accumulation, leftovers, clips, kept graphs; gradients that are stale or erased."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset
from watching import names, watch


def loader(samples: int = 320, size: int = 8) -> DataLoader[tuple[torch.Tensor, ...]]:
    x = torch.randn(samples, 6)
    return DataLoader(TensorDataset(x, x[:, :1] - x[:, 1:2]), batch_size=size, shuffle=True)


def model_and_optimizer(rate: float = 0.02) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = nn.Linear(6, 1)
    return model, torch.optim.SGD(model.parameters(), lr=rate)


def accumulate(
    share: float = 1.0, *, grads: float = 1.0, reduction: str = "mean", single: bool = False
) -> None:
    model, optimizer = model_and_optimizer(0.002)
    for number, (x, y) in enumerate(loader(160, 1) if single else loader(), start=1):
        loss = fn.mse_loss(model(x), y, reduction=reduction)
        (loss * share if share != 1 else loss).backward()
        if number % 5 == 0:
            for one in model.parameters():
                assert one.grad is not None
                one.grad.mul_(grads)
            optimizer.step()
            optimizer.zero_grad()


def test_undivided_windows_are_named_with_their_size() -> None:
    (finding,) = watch(accumulate).findings
    assert finding.rule == "unscaled-accumulation"
    assert finding.evidence["backwards_per_update"] == 5
    assert "/ 5" in finding.fix


def test_windows_that_are_scaled_in_any_way_are_silent() -> None:
    assert not names(lambda: accumulate(0.2))
    assert not names(lambda: accumulate(grads=0.2))
    assert not names(lambda: accumulate(reduction="sum"))
    assert not names(lambda: accumulate(single=True))


def test_a_micro_batch_loop_without_a_loader_is_named() -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        accumulation_steps = 3
        for _ in range(6):
            optimizer.zero_grad()
            for _ in range(accumulation_steps):
                x = torch.randn(8, 6)
                loss = (model(x) - x[:, :1]).pow(2).mean()
                loss.backward()
            optimizer.step()

    assert names(loop) == ["unscaled-accumulation"]


def test_an_update_left_behind_the_loop_is_named() -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for _ in range(4):
            optimizer.zero_grad()
            for x, y in loader(80):
                fn.mse_loss(model(x), y).backward()
            optimizer.step()

    assert names(loop) == ["unscaled-accumulation"]


@pytest.mark.parametrize("thrown", [True, False])
def test_a_window_cut_by_the_epoch_is_named(thrown: bool) -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for _ in range(3):
            if thrown:
                optimizer.zero_grad()
            for number, (x, y) in enumerate(loader(88), start=1):
                (fn.mse_loss(model(x), y) / 4).backward()
                if number % 4 == 0:
                    optimizer.step()
                    optimizer.zero_grad()

    (finding,) = watch(loop).findings
    assert finding.rule == "leftover-gradient"
    assert finding.evidence["left_over"] == 3
    assert finding.evidence["thrown_away"] is thrown


def test_two_windows_in_an_epoch_are_named_where_each_odd_one_follows_its_end() -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for _ in range(6):
            optimizer.zero_grad()
            for number, (x, y) in enumerate(loader(88), start=1):
                (fn.mse_loss(model(x), y) / 4).backward()
                if number % 4 == 0:
                    optimizer.step()
                    optimizer.zero_grad()

    (finding,) = watch(loop).findings
    assert finding.rule == "leftover-gradient"
    assert finding.evidence["left_over"] == 3


def one_window(
    window: int, batches: int, *, epochs: int = 8, thrown: bool = True, anew: bool = False
) -> Callable[[], None]:
    """Each epoch is longer than a window and shorter than two; counted from 1 in each."""

    def loop() -> None:
        (model, optimizer), data = model_and_optimizer(), loader(8 * batches)
        for _ in range(epochs):
            if thrown:
                optimizer.zero_grad()
            data = loader(8 * batches) if anew else data
            for number, (x, y) in enumerate(data, start=1):
                (fn.mse_loss(model(x), y) / window).backward()
                if number % window == 0:
                    optimizer.step()
                    optimizer.zero_grad()

    return loop


@pytest.mark.parametrize("thrown", [True, False])
@pytest.mark.parametrize(("window", "batches"), [(6, 11), (4, 5), (8, 13)])
def test_an_epoch_with_one_window_and_a_rest_is_named(
    window: int, batches: int, thrown: bool
) -> None:
    (finding,) = watch(one_window(window, batches, thrown=thrown, anew=batches == 5)).findings
    assert finding.rule == "leftover-gradient"
    assert finding.evidence["window"] == window
    assert finding.evidence["left_over"] == batches - window
    assert finding.evidence["thrown_away"] is thrown
    assert finding.count == 7  # each epoch but the first begins with the rest of another


def test_an_epoch_with_one_window_and_its_rest_taken_too_is_silent() -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for _ in range(8):
            optimizer.zero_grad()
            for number, (x, y) in enumerate(loader(88), start=1):
                (fn.mse_loss(model(x), y) / (6 if number <= 6 else 5)).backward()
                if number in (6, 11):
                    optimizer.step()
                    optimizer.zero_grad()

    assert not names(loop)


def test_an_epoch_of_one_window_is_silent() -> None:
    assert not names(one_window(11, 11))


@pytest.mark.parametrize(("grown", "batches"), [(11, 6), (11, 13), (9, 5)])
def test_a_window_that_grows_once_is_silent(grown: int, batches: int) -> None:
    """Six batches at first, then more: the counter goes on over the ends of the epochs."""

    def loop() -> None:
        (model, optimizer), data = model_and_optimizer(), loader(8 * batches)
        size, count = 6, 0
        for _ in range(20):
            for x, y in data:
                (fn.mse_loss(model(x), y) / size).backward()
                count += 1
                if count == size:
                    optimizer.step()
                    optimizer.zero_grad()
                    size, count = grown, 0

    assert not names(loop)


def leaping(share: float, rate: float = 0.2) -> Callable[[], None]:
    """Small batches, large windows, and a rate that suits a mean over the window only."""

    def loop() -> None:
        torch.manual_seed(26)
        x = torch.randn(1536, 64).abs()
        y = (x @ torch.randn(64, 10)).argmax(1)
        model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            data = DataLoader(TensorDataset(x, y), batch_size=8, shuffle=True)
            for number, (inputs, targets) in enumerate(data, start=1):
                loss = fn.cross_entropy(model(inputs), targets)
                (loss * share if share != 1 else loss).backward()
                if number % 16 == 0:
                    optimizer.step()
                    optimizer.zero_grad()

    return loop


@pytest.mark.parametrize("rate", [0.1, 0.2, 0.4])
def test_an_undivided_window_is_named_though_its_loss_leaps(rate: float) -> None:
    """The graph of a loss that leapt is looked at late: it does not know what made it."""
    report = watch(leaping(1.0, rate))
    (finding,) = report.findings
    assert finding.rule == "unscaled-accumulation"
    assert finding.evidence["backwards_per_update"] == 16


def test_a_divided_window_is_silent() -> None:
    assert not names(leaping(1 / 16))


def test_windows_of_several_kinds_of_loss_are_silent_though_one_leaps() -> None:
    """What a late graph does not know is made up for by a graph of its own kind only."""

    def loop() -> None:
        model, optimizer = model_and_optimizer(0.0001)
        for number, (x, y) in enumerate(loader(1600), start=1):
            leap = number in (75, 125)
            loss = fn.mse_loss(model(x), 1e4 * y if leap else y)
            (loss * 0.2 if leap else loss).backward()
            if number % 5 == 0:
                optimizer.step()
                optimizer.zero_grad()

    assert "unscaled-accumulation" not in names(loop)


def windows(sizes: list[int], samples: int = 320) -> Callable[[], None]:
    """Windows of these sizes in turn, over epochs of a loader."""

    def loop() -> None:
        model, optimizer = model_and_optimizer()
        plan, left = iter(sizes * 100), 0
        for _ in range(5):
            for x, y in loader(samples):
                left = left or (size := next(plan))
                (fn.mse_loss(model(x), y) / size).backward()
                left -= 1
                if not left:
                    optimizer.step()
                    optimizer.zero_grad()

    return loop


@pytest.mark.parametrize("sizes", [[2, 3], [3, 2, 2, 3], [4, 4, 6], [3], [4, 7]])
def test_windows_of_their_own_sizes_are_silent(sizes: list[int]) -> None:
    assert not names(windows(sizes))


def clipping(place: str, limit: float = 1.0) -> Callable[[], None]:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        scaler = torch.amp.GradScaler("cpu", init_scale=256.0, enabled=place == "scaled")
        for x, y in loader(96):
            loss = fn.mse_loss(model(x), y)
            if place == "before":
                nn.utils.clip_grad_norm_(model.parameters(), limit)
            if place != "after the clear":
                optimizer.zero_grad()
            scaler.scale(loss).backward()
            if place in ("scaled", "right"):
                nn.utils.clip_grad_value_(model.parameters(), limit)
            scaler.step(optimizer)
            scaler.update()
            if place == "after the clear":
                optimizer.zero_grad()
            if place.startswith("after"):
                nn.utils.clip_grad_norm_(model.parameters(), limit)

    return loop


@pytest.mark.parametrize("place", ["before", "after", "after the clear", "scaled"])
def test_a_clip_out_of_place_is_named(place: str) -> None:
    (finding,) = watch(clipping(place)).findings
    assert finding.rule == "misplaced-clip"
    assert finding.evidence["limit"] == 1.0
    assert finding.evidence["place"] == place.split()[0]


def test_a_clip_in_place_or_without_limit_is_silent() -> None:
    assert not names(clipping("right"))
    assert not names(clipping("after", float("inf")))


def test_a_clip_whose_update_the_scaler_skips_is_silent() -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
        for x, y in loader(96):
            optimizer.zero_grad()
            scaler.scale(1e3 * fn.mse_loss(model(x), y)).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()

    assert "misplaced-clip" not in names(loop)


def retaining(again: bool) -> Callable[[], None]:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for x, y in loader(96):
            optimizer.zero_grad()
            answer = model(x)
            fn.mse_loss(answer, y).backward(retain_graph=True)
            if again:
                (1e-3 * answer.pow(2).mean()).backward()
            optimizer.step()

    return loop


def test_a_graph_kept_for_nothing_is_named_and_one_used_again_is_not() -> None:
    (finding,) = watch(retaining(again=False)).findings
    assert finding.rule == "retained-graph"
    assert finding.evidence["graphs_kept"] == 12
    assert not names(retaining(again=True))


def test_weights_updated_by_hand_and_never_cleared_are_named() -> None:
    def loop() -> None:
        weight = torch.zeros(6, 1, requires_grad=True)
        for x, y in loader(96):
            (x @ weight - y).pow(2).mean().backward()
            with torch.no_grad():
                assert weight.grad is not None
                weight -= 0.001 * weight.grad

    assert names(loop) == ["stale-gradient"]


@pytest.mark.parametrize("clear", ["zero", "none", "data"])
def test_weights_updated_and_cleared_by_hand_are_silent(clear: str) -> None:
    def loop() -> None:
        weight = torch.zeros(6, 1, requires_grad=True)
        for _ in range(20):
            x = torch.randn(8, 6)
            (x @ weight - x[:, :1]).pow(2).mean().backward()
            assert weight.grad is not None
            weight.data -= 0.01 * weight.grad
            if clear == "zero":
                weight.grad.zero_()
            elif clear == "data":
                weight.grad.data.zero_()
            else:
                weight.grad = None

    assert not names(loop)


def emptying(how: str, *, after: bool = False, keep: bool = False) -> Callable[[], None]:
    """The gradients are emptied by hand: before the update, or after it."""

    def empty(one: nn.Parameter) -> None:
        assert one.grad is not None
        if how == "none":
            one.grad = None
        elif how == "data":
            one.grad.data.fill_(0)
        elif how == "times":
            one.grad.mul_(0)
        else:
            one.grad.zero_()

    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for x, y in loader():
            fn.mse_loss(model(x), y).backward()
            if after:
                optimizer.step()
            for one in list(model.parameters())[: 1 if keep else None]:
                empty(one)
            if not after:
                optimizer.step()
            if keep:
                optimizer.zero_grad()

    return loop


@pytest.mark.parametrize("how", ["zero", "none", "data", "times"])
def test_gradients_emptied_by_hand_before_the_update_are_named(how: str) -> None:
    (finding,) = watch(emptying(how)).findings
    assert finding.rule == "erased-gradient"
    assert "emptied between backward and update" in finding.message
    assert finding.count >= 39  # of 40: nobody knew the optimizer before its first update


@pytest.mark.parametrize("how", ["zero", "none", "data"])
def test_gradients_emptied_by_hand_after_the_update_are_silent(how: str) -> None:
    assert not names(emptying(how, after=True))


def test_a_layer_held_still_by_an_empty_gradient_is_silent() -> None:
    assert "erased-gradient" not in names(emptying("zero", keep=True))


def test_gradients_that_are_put_back_are_silent() -> None:
    def loop() -> None:
        model, optimizer = model_and_optimizer()
        for x, y in loader():
            fn.mse_loss(model(x), y).backward()
            kept = [one.grad for one in model.parameters()]
            for one in model.parameters():
                one.grad = None
            for one, gradient in zip(model.parameters(), kept, strict=True):
                assert gradient is not None
                one.grad = gradient + 0.01 * torch.randn_like(gradient)
            optimizer.step()
            optimizer.zero_grad()

    assert not names(loop)


def test_a_judge_that_forgets_its_backward_has_nothing_erased() -> None:
    def loop() -> None:
        maker = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 8))
        judge = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
        making, judging = torch.optim.Adam(maker.parameters()), torch.optim.Adam(judge.parameters())
        grade, one = nn.BCEWithLogitsLoss(), torch.ones(16, 1)
        for _ in range(20):
            fake = maker(torch.randn(16, 4))
            judging.zero_grad()
            grade(judge(torch.randn(16, 8)), one)
            grade(judge(fake.detach()), 0 * one)
            judging.step()
            making.zero_grad()
            grade(judge(fake), one).backward()
            making.step()

    assert names(loop) == ["missing-backward"]
