"""Schedules: their shapes, and when they move."""

from __future__ import annotations

import copy
import io
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.optim.lr_scheduler import (
    ChainedScheduler,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LRScheduler,
    OneCycleLR,
    ReduceLROnPlateau,
    SequentialLR,
    StepLR,
)

from fivestep.attach.clip import clip
from fivestep.attach.schedule import Attached, constant, cosine, linear, schedule
from fivestep.attach.wrapping import Wrapping
from fivestep.durations import Duration, Lengths


def _optimizer(*rates: float, kind: Any = torch.optim.SGD, **options: Any) -> Any:
    groups = [{"params": [nn.Parameter(torch.ones(1))], "lr": rate} for rate in rates or (1.0,)]
    return kind(groups, **options)


def _step(optimizer: Any) -> None:
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()


def _course(optimizer: Any, updates: int, step: Callable[[Any], None] = _step) -> list[float]:
    """List the rate of the first group at each update."""
    rates: list[float] = []
    for _ in range(updates):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        step(optimizer)
    return rates


@pytest.mark.parametrize("lowest", [0.0, 0.1])
@pytest.mark.parametrize("warmup", [None, 1, 3, 9])
@pytest.mark.parametrize("shape", [cosine, linear])
def test_shapes_are_those_of_torch(shape: Any, warmup: int | None, lowest: float) -> None:
    total, w = 12, warmup or 0
    optimizer, plain = _optimizer(0.3), _optimizer(0.3)
    schedule(optimizer, shape(warmup=warmup, lowest=lowest), run=f"{total} updates")
    falling: LRScheduler = (
        CosineAnnealingLR(plain, total - w, eta_min=0.3 * lowest)
        if shape is cosine
        else LinearLR(plain, 1.0, lowest, total - w)
    )
    if warmup is not None:
        rising = LinearLR(plain, 1 / w, 1.0, w - 1) if w > 1 else ExponentialLR(plain, 1.0)
        falling = SequentialLR(plain, [rising, falling], [w])

    def by_hand(stepped: Any) -> None:
        _step(stepped)
        falling.step()

    theirs = _course(plain, total, by_hand)
    assert _course(optimizer, total) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("shape", [cosine, linear])
def test_neither_the_first_update_nor_the_last_is_at_rate_0(shape: Any) -> None:
    for total in (1, 2, 3, 10):
        for warmup in (None, "0.1 run", "1 run"):
            optimizer = _optimizer()
            handle = schedule(optimizer, shape(warmup=warmup), run=total)
            assert min(_course(optimizer, total)) > 0
            assert handle.rates == [0.0]  # when the run is over
            assert set(_course(optimizer, 3)) == {0.0}  # and beyond


def test_both_ends_in_figures() -> None:
    optimizer = _optimizer(8.0)
    handle = schedule(optimizer, linear(warmup="4 updates", lowest=0.5), run="8 updates")
    assert _course(optimizer, 8) == [2, 4, 6, 8, 8, 7, 6, 5]
    assert handle.rates == [4.0]


def test_a_cosine_in_figures() -> None:
    optimizer = _optimizer(2.0)
    schedule(optimizer, cosine(lowest=0.5), run="3 updates")
    assert _course(optimizer, 4) == pytest.approx([2.0, 1.75, 1.25, 1.0])


def test_constant_needs_no_length() -> None:
    optimizer = _optimizer(6.0)
    schedule(optimizer, constant(warmup="3 updates"))
    assert _course(optimizer, 5) == pytest.approx([2, 4, 6, 6, 6])
    optimizer = _optimizer(6.0)
    schedule(optimizer, constant())
    assert _course(optimizer, 3) == [6, 6, 6]


@given(
    st.sampled_from([cosine, linear, constant]),
    st.integers(1, 60),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_shapes_rise_to_the_full_rate_and_fall(
    shape: Any, total: int, part: float, lowest: float
) -> None:
    options = {} if shape is constant else {"lowest": lowest}
    lengths = Lengths(run=Duration(total, "update"))
    made = shape(warmup=f"{part:.6f} run", **options)
    factor = made.resolve(lengths)
    values = [factor(k) for k in range(total + 1)]
    warm = math.ceil(round(part, 6) * total - 1e-6)
    assert values[warm - 1] == 1.0
    assert values[:warm] == sorted(values[:warm])
    assert values[warm:] == sorted(values[warm:], reverse=True)
    assert all(lowest - 1e-12 <= v <= 1 for v in values[warm:])
    assert shape is constant or values[total] == pytest.approx(lowest)


@pytest.mark.parametrize("warmup", ["20 iterations", "6 updates", "2 epochs", "0.5 run", 6])
def test_a_warmup_in_any_unit_is_the_same(warmup: Any) -> None:
    optimizer = _optimizer()
    schedule(
        optimizer,
        linear(warmup=warmup),
        run="4 epochs",
        updates_per_epoch=3,
        iterations_per_epoch=10,
    )
    assert _course(optimizer, 12) == pytest.approx(
        [1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]
    )


def test_groups_keep_their_proportions() -> None:
    optimizer = _optimizer(1.0, 0.1)
    handle = schedule(optimizer, cosine(warmup=2), run=6)
    for _ in range(6):
        assert handle.rates[1] == pytest.approx(handle.rates[0] / 10)
        _step(optimizer)


class _Window(Wrapping):
    """Moves once in four calls, as accumulation does."""

    calls = 0

    def step(self, closure: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.calls += 1
        return self.inner.step() if self.calls % 4 == 0 else None


@pytest.mark.parametrize(
    ("every", "steps"),
    [("1 update", 6), ("2 updates", 3), (4, 1), ("1 epoch", 2), ("0.5 epochs", 3)],
)
@pytest.mark.parametrize("made_on", ["inner", "wrapping"])
def test_the_frequency_is_honoured_under_accumulation(every: Any, steps: int, made_on: str) -> None:
    inner = _optimizer()
    optimizer = _Window(inner)
    scheduler = ExponentialLR(inner if made_on == "inner" else optimizer, 0.5)
    schedule(optimizer, scheduler, every=every, updates_per_epoch=3)
    _course(optimizer, 24)  # iterations: 6 updates
    assert inner.param_groups[0]["lr"] == 0.5**steps
    assert scheduler.last_epoch == steps


def test_a_shape_moves_with_the_updates_of_a_wrapping() -> None:
    optimizer = _Window(_optimizer(8.0))
    handle = schedule(optimizer, linear(), run="4 updates")
    assert _course(optimizer, 16) == [8] * 4 + [6] * 4 + [4] * 4 + [2] * 4
    assert handle.rates == [0]
    assert "step" not in vars(optimizer)  # so that it can be copied: torch replaced the inner's


def test_a_shape_every_epoch_is_held_in_between() -> None:
    optimizer = _optimizer(8.0)
    schedule(optimizer, linear(), run="4 epochs", every="1 epoch", updates_per_epoch=2)
    assert _course(optimizer, 8) == [8, 8, 6, 6, 4, 4, 2, 2]


def test_a_scheduler_on_a_wrapping_whose_inner_is_stepped_does_not_warn() -> None:
    inner = _optimizer()
    schedule(inner, StepLR(Wrapping(inner), 1, gamma=0.5))
    assert _course(inner, 3) == [1, 0.5, 0.25]  # warnings are errors here


SCHEDULERS: dict[str, Callable[[Any], LRScheduler]] = {
    "StepLR": lambda o: StepLR(o, 3),
    "OneCycleLR": lambda o: OneCycleLR(o, 0.4, total_steps=8, cycle_momentum=False),
    "CosineAnnealingLR": lambda o: CosineAnnealingLR(o, 8),
    "SequentialLR": lambda o: SequentialLR(o, [LinearLR(o, 0.1), StepLR(o, 2)], [3]),
    "ChainedScheduler": lambda o: ChainedScheduler([LinearLR(o, 0.1), ExponentialLR(o, 0.9)]),
}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize(
    "kind", [torch.optim.SGD, torch.optim.AdamW, torch.optim.Adagrad, torch.optim.RMSprop]
)
def test_any_scheduler_is_stepped_as_by_hand(name: str, kind: Any) -> None:
    optimizer, plain = _optimizer(0.1, 0.2, kind=kind), _optimizer(0.1, 0.2, kind=kind)
    handle = schedule(optimizer, SCHEDULERS[name](optimizer))
    by_hand = SCHEDULERS[name](plain)
    for _ in range(8):
        _step(optimizer)
        _step(plain)
        by_hand.step()
        assert handle.rates == [g["lr"] for g in plain.param_groups]
    pairs = zip(optimizer.param_groups, plain.param_groups, strict=True)
    assert all(torch.equal(a["params"][0], b["params"][0]) for a, b in pairs)


def test_lbfgs_moves_its_schedule_once_for_an_update() -> None:
    parameter = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.LBFGS([parameter], lr=1.0)
    handle = schedule(optimizer, linear(), run=4)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (parameter**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    assert handle.rates == [0.75]


def test_a_rate_kept_in_a_tensor_moves_in_place() -> None:
    parameter = nn.Parameter(torch.ones(1))
    rate = torch.tensor(0.8)
    optimizer = torch.optim.Adam([parameter], lr=rate, foreach=False)
    handle = schedule(optimizer, linear(), run=4)
    _step(optimizer)
    assert handle.rates == [pytest.approx(0.6)]
    assert optimizer.param_groups[0]["lr"] is rate


def _scaled_iterations(optimizer: Any, overflowing: list[bool]) -> list[float]:
    (parameter,) = optimizer.param_groups[0]["params"]
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=100)
    weights: list[float] = []
    for overflows in overflowing:
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = (torch.ones(1, 1) @ parameter.reshape(1, 1)).sum()
        scaler.scale(loss * (1e38 if overflows else 1.0)).backward()
        scaler.step(optimizer)
        scaler.update()
        weights.append(parameter.item())
    return weights


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW, torch.optim.Adagrad])
def test_an_update_that_gradscaler_skips_leaves_the_schedule(kind: Any, fused: bool) -> None:
    optimizer = _optimizer(0.5, kind=kind, fused=fused)
    handle = schedule(optimizer, linear(), run="5 updates")
    weights = _scaled_iterations(optimizer, [True, False, True, True, False])
    assert weights[0] == 1.0  # skipped: nothing moved,
    assert weights[1] == weights[2] == weights[3] != weights[4]
    assert handle.rates == [pytest.approx(0.3)]  # and the schedule only where the weights did
    assert handle.updates == 2


@pytest.mark.parametrize("fused", [False, True])
def test_with_clip_and_gradscaler_it_is_the_loop_by_hand(fused: bool) -> None:
    weights: list[Any] = []
    for attached in (True, False):
        torch.manual_seed(3)
        model = nn.Linear(4, 1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=fused)
        by_hand = None if attached else CosineAnnealingLR(optimizer, 10)
        if attached:
            clip(optimizer, norm=0.5)
            schedule(optimizer, cosine(), run="10 updates")
        scaler = torch.amp.GradScaler("cpu", init_scale=2.0**20, growth_interval=3)
        for seed in range(8):
            optimizer.zero_grad()
            x = torch.randn(8, 4, generator=torch.Generator().manual_seed(seed))
            with torch.autocast("cpu", dtype=torch.float16):
                loss = (model(x) - 3).square().mean()
            scaler.scale(loss).backward()  # too much for float16 at first
            scaler.unscale_(optimizer)
            if by_hand is not None:
                nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            scaler.step(optimizer)
            scale = scaler.get_scale()
            scaler.update()
            if by_hand is not None and scaler.get_scale() >= scale:
                by_hand.step()
        rate = optimizer.param_groups[0]["lr"]
        weights.append((rate, *model.weight.flatten().tolist(), model.bias.item()))
    assert weights[0][0] == pytest.approx(weights[1][0], rel=1e-12)
    assert weights[0][0] > 0.1 * (1 + math.cos(math.pi * 0.75)) / 2  # some were skipped
    assert weights[0][1:] == pytest.approx(weights[1][1:], rel=1e-6)


def test_removed_it_stands_still() -> None:
    optimizer = _optimizer(1.0)
    with schedule(optimizer, linear(), run=4) as handle:
        assert isinstance(handle, Attached)
        _step(optimizer)
    _step(optimizer)
    assert handle.rates == [0.75]


def test_a_training_goes_on_from_its_checkpoint_even_if_it_is_longer_now() -> None:
    whole, first = _optimizer(), _optimizer()
    schedule(whole, linear(warmup=2), run=8)
    expected = _course(whole, 8)

    begun = schedule(first, linear(warmup=2), run=4)
    _course(first, 2)
    file = io.BytesIO()
    torch.save({"o": first.state_dict(), "s": begun.scheduler.state_dict()}, file)
    saved = torch.load(io.BytesIO(file.getvalue()), weights_only=True)

    second = _optimizer()
    handle = schedule(second, linear(warmup=2), run=8)
    second.load_state_dict(saved["o"])
    handle.scheduler.load_state_dict(saved["s"])
    assert _course(second, 6)[1:] == expected[3:]  # the rate saved is that of the shorter run


def test_a_copy_of_a_scheduled_optimizer_moves_only_itself() -> None:
    optimizer = Wrapping(_optimizer())
    schedule(optimizer, linear(), run=4)
    twin = copy.deepcopy(optimizer)
    _step(twin.inner)
    assert optimizer.param_groups[0]["lr"] == 1.0
    assert optimizer.param_groups[0]["params"][0].item() == 1.0


@pytest.mark.parametrize(
    ("shape", "options", "kind", "words"),
    [
        (cosine, {"run": 4}, TypeError, r"a shape or a torch.*do: cosine\(\)"),
        (StepLR, {}, TypeError, r"do: StepLR\(optimizer, ...\), an instance"),
        ("cosine", {}, TypeError, r"of type str \('cosine'\).*do: cosine\(\), for example"),
        (cosine(), {}, ValueError, "without the length of the run.*do: run='1000 updates'"),
        (cosine(warmup=5), {"run": 4}, ValueError, "'5 updates' is 5 updates, .* makes 4"),
        (cosine(), {"run": "4 epochs"}, ValueError, "how many updates.*say updates_per_epoch"),
        (cosine(), {"run": "1 run"}, ValueError, "run='1 run'.*measures the run by itself"),
        (cosine(), {"run": "4 steps"}, ValueError, "run='4 steps'.*run='4 updates'"),
        (constant(warmup="0.1 run"), {}, ValueError, "how long the run is, is not known"),
        (constant(), {"every": "9 iterations"}, ValueError, "moves with the optimizer.*'1 update'"),
        (constant(), {"every": "1 epoch"}, ValueError, "say updates_per_epoch"),
        (constant(), {"updates_per_epoch": 0}, ValueError, "updates_per_epoch=0 was given"),
        (constant(), {"iterations_per_epoch": 1.5}, TypeError, "iterations_per_epoch=1.5"),
    ],
)
def test_mistakes(shape: Any, options: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=f"(?s){words}"):
        schedule(_optimizer(), shape, **options)


def test_a_plateau_is_told_where_it_is_stepped() -> None:
    optimizer = _optimizer()
    with pytest.raises(
        TypeError, match=r"(?s)an update has none.*scheduler.step\(validation_loss\)"
    ):
        schedule(optimizer, ReduceLROnPlateau(optimizer))


def test_a_scheduler_of_another_optimizer_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"(?s)StepLR was made with another optimizer.*do: make it"
    ):
        schedule(_optimizer(), StepLR(_optimizer(), 3))


def test_what_is_no_optimizer_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Linear, and a torch.optim.Optimizer was expected"):
        schedule(nn.Linear(1, 1), constant())


@pytest.mark.parametrize("lowest", [-0.1, 1.1, math.nan, True, "0"])
@pytest.mark.parametrize("shape", [cosine, linear])
def test_lowest_is_a_part_of_the_full_rate(shape: Any, lowest: Any) -> None:
    with pytest.raises(ValueError, match=f"lowest={lowest!r} was given"):
        shape(lowest=lowest)
