"""Clipping: torch's own, at the right moment, told on demand."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from fivestep import listen
from fivestep.attach.clip import clip
from fivestep.attach.wrapping import Wrapping

Make = Callable[[Iterable[Any]], torch.optim.Optimizer]

OPTIMIZERS: dict[str, Make] = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd foreach": lambda p: torch.optim.SGD(p, lr=0.1, foreach=True),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01),
    "adamw fused": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1),
    "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


def _model(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).to(dtype)


def _loss(model: nn.Module, seed: int) -> Tensor:
    weights = next(model.parameters())
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed)).to(weights.dtype)
    return ((model(x) - 5) ** 2).mean() * (1 + seed % 3)


def _groups(model: nn.Sequential) -> list[dict[str, Any]]:
    model[0].weight.requires_grad_(False)
    return [{"params": list(model[0].parameters())}, {"params": list(model[2].parameters())}]


def _train(model: nn.Module, optimizer: Any, before: Callable[[], None] = lambda: None) -> None:
    for seed in range(6):
        optimizer.zero_grad()
        _loss(model, seed).backward()
        before()
        optimizer.step()


def _equal(one: nn.Module, other: nn.Module) -> bool:
    return all(map(torch.equal, one.parameters(), other.parameters()))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(
    ("norm", "value", "norm_type"),
    [(1.0, None, 2.0), (None, 0.3, 2.0), (0.5, 0.3, 2.0), (0.5, None, math.inf), (1.0, None, 1.0)],
)
def test_weights_are_those_of_a_loop_that_clips(
    name: str, norm: float | None, value: float | None, norm_type: float, dtype: torch.dtype
) -> None:
    ours, theirs = _model(dtype), _model(dtype)
    optimizer, plain = OPTIMIZERS[name](_groups(ours)), OPTIMIZERS[name](_groups(theirs))
    handle = clip(optimizer, norm=norm, value=value, norm_type=norm_type)
    _train(ours, optimizer)
    norms: list[float] = []

    def by_hand() -> None:
        held = list(theirs.parameters())
        norms.append(
            nn.utils.get_total_norm([p.grad for p in held if p.grad is not None], norm_type).item()
        )
        if value is not None:
            nn.utils.clip_grad_value_(held, value)
        if norm is not None:
            nn.utils.clip_grad_norm_(held, norm, norm_type)

    _train(theirs, plain, by_hand)
    assert _equal(ours, theirs)
    assert handle.norm == norms[-1]
    assert not _equal(ours, _model(dtype))


def _stepped_once(gradients: list[list[float]], **limits: Any) -> tuple[list[list[float]], Any]:
    held = [nn.Parameter(torch.zeros(len(g), dtype=torch.float64)) for g in gradients]
    optimizer = torch.optim.SGD([{"params": [p]} for p in held], lr=1.0)
    handle = clip(optimizer, **limits)
    for parameter, gradient in zip(held, gradients, strict=True):
        parameter.grad = torch.tensor(gradient, dtype=torch.float64)
    optimizer.step()
    return [(-p.detach()).tolist() for p in held], handle


def test_one_norm_over_all_groups() -> None:
    moved, handle = _stepped_once([[3.0], [4.0]], norm=1.0)
    assert moved == [pytest.approx([0.6], abs=1e-6), pytest.approx([0.8], abs=1e-6)]
    assert (handle.norm, handle.clipped) == (5.0, 1)


def test_values_are_cut_before_the_norm() -> None:
    moved, handle = _stepped_once([[30.0], [4.0]], norm=1.0, value=3.0)
    assert [m[0] for m in moved] == pytest.approx([math.sqrt(0.5)] * 2, abs=1e-6)
    assert handle.norm == pytest.approx(math.hypot(30, 4))  # as the backward left it


@pytest.mark.parametrize(
    ("limits", "cut"),
    [
        ({"norm": 6.0}, 0),
        ({"norm": 4.9}, 1),
        ({"value": 4.0}, 0),
        ({"value": 3.9}, 1),
        ({"norm": 6.0, "value": 3.9}, 1),
        ({"norm": 4.9, "value": 4.0}, 1),
        ({"norm": 4.9, "value": 0.1}, 1),  # both, and one update
        ({"norm": 6.0, "value": 4.0}, 0),
    ],
)
def test_updates_that_were_cut_are_counted(limits: dict[str, float], cut: int) -> None:
    assert _stepped_once([[3.0], [-4.0]], **limits)[1].clipped == cut


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), min_size=1, max_size=4),
    st.floats(1e-3, 1e3),
)
def test_no_update_is_longer_than_the_limit(gradients: list[list[float]], limit: float) -> None:
    moved, handle = _stepped_once(gradients, norm=limit)
    flat = [x for part in moved for x in part]
    before = math.hypot(*(x for part in gradients for x in part))
    assert math.hypot(*flat) <= limit * (1 + 1e-12)
    assert handle.clipped == (before > limit)
    if before <= limit - 1e-6:
        assert flat == pytest.approx([x for part in gradients for x in part], abs=1e-30)


def test_several_updates_are_counted_and_nothing_is_told_before_the_first() -> None:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    handle = clip(optimizer, norm=1e-3)
    assert (handle.norm, handle.clipped) == (None, 0)
    _train(model, optimizer)
    assert handle.clipped == 6


def test_removed_it_clips_no_more() -> None:
    ours, theirs = _model(), _model()
    optimizer = torch.optim.SGD(ours.parameters(), lr=0.1)
    with clip(optimizer, norm=1e-9) as handle:
        pass
    _train(ours, optimizer)
    _train(theirs, torch.optim.SGD(theirs.parameters(), lr=0.1))
    assert _equal(ours, theirs)
    handle.remove()  # once more is no mistake


def test_parameters_that_come_later_belong_to_the_norm() -> None:
    first, later = (nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = torch.optim.SGD([first], lr=1.0)
    handle = clip(optimizer, norm=1.0)
    optimizer.add_param_group({"params": [later]})
    first.grad, later.grad = torch.tensor([3.0]), torch.tensor([4.0])
    optimizer.step()
    assert handle.norm == 5.0
    assert later.item() == pytest.approx(-0.8)


def test_without_any_gradient_nothing_happens() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    handle = clip(optimizer, norm=1.0, value=1.0)
    optimizer.step()
    assert (handle.norm, handle.clipped) == (0.0, 0)


@pytest.mark.parametrize("limits", [{"norm": 0.5}, {"value": 0.3}, {"norm": 0.2, "value": 0.3}])
def test_a_sparse_gradient_is_clipped_as_its_dense_twin(limits: dict[str, Any]) -> None:
    sparse = nn.Embedding(9, 3, sparse=True, dtype=torch.float64)
    dense = nn.Embedding(9, 3, dtype=torch.float64)
    dense.load_state_dict(sparse.state_dict())
    told: list[Any] = []
    for embedding in (sparse, dense):
        optimizer = torch.optim.SGD(embedding.parameters(), lr=0.1)
        handle = clip(optimizer, **limits)
        for _ in range(3):
            optimizer.zero_grad()
            (embedding(torch.tensor([1, 4, 4, 1, 1])) ** 2).sum().backward()  # rows met twice
            optimizer.step()
        told.append((handle.norm, handle.clipped))
    assert sparse.weight.detach() == pytest.approx(dense.weight.detach(), abs=1e-12)
    assert told[0] == pytest.approx(told[1])
    assert told[0][1] == 3


class _EverySecond(Wrapping):
    """Moves on every second call: a window of two."""

    calls = 0

    def step(self, closure: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        self.calls += 1
        return self.inner.step() if self.calls % 2 == 0 else None


def test_under_a_wrapping_the_whole_window_is_clipped_once() -> None:
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = _EverySecond(torch.optim.SGD([parameter], lr=1.0))
    handle = clip(optimizer, norm=1.0)
    for gradient in (3.0, 4.0):
        (parameter * gradient).sum().backward()
        optimizer.step()
    assert (handle.norm, handle.clipped) == (7.0, 1)
    assert parameter.item() == pytest.approx(-1.0)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("unscales", [False, True])
def test_gradients_are_clipped_after_gradscaler_unscaled_them(name: str, unscales: bool) -> None:
    ours, theirs = _model(torch.float32), _model(torch.float32)
    optimizer, plain = (OPTIMIZERS[name](m.parameters()) for m in (ours, theirs))
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    handle = clip(optimizer, norm=0.5)
    for seed in range(4):
        optimizer.zero_grad()
        scaler.scale(_loss(ours, seed)).backward()
        if unscales:
            scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        plain.zero_grad()
        _loss(theirs, seed).backward()
        norm = nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        plain.step()
        assert handle.norm == norm.item()  # a power of two scales without rounding
    assert _equal(ours, theirs)


FUSED = [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad]


@pytest.mark.parametrize("kind", FUSED)
def test_a_fused_optimizer_whose_gradients_are_still_scaled_is_refused(kind: Any) -> None:
    model = _model(torch.float32)
    optimizer = kind(model.parameters(), lr=0.1, fused=True)
    clip(optimizer, norm=0.5)
    scaler = torch.amp.GradScaler("cpu")
    before = copy.deepcopy(model.state_dict())
    scaler.scale(_loss(model, 0)).backward()
    with pytest.raises(
        ValueError, match=r"still carry GradScaler's scale(?s:.*)do: scaler.unscale_"
    ):
        scaler.step(optimizer)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


@pytest.mark.parametrize("kind", FUSED)
def test_a_fused_optimizer_is_clipped_after_unscale(kind: Any) -> None:
    ours, theirs = _model(torch.float32), _model(torch.float32)
    optimizer, plain = (kind(m.parameters(), lr=0.1, fused=True) for m in (ours, theirs))
    handle, scaler = clip(optimizer, norm=0.5), torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for seed in range(4):
        optimizer.zero_grad()
        scaler.scale(_loss(ours, seed)).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        plain.zero_grad()
        _loss(theirs, seed).backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        plain.step()
    assert _equal(ours, theirs)
    assert handle.clipped == 4


@pytest.mark.parametrize("fused", [False, True])
def test_an_update_that_gradscaler_skips_is_not_counted(fused: bool) -> None:
    model = _model(torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=fused)
    handle = clip(optimizer, norm=0.5, error_if_nonfinite=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e38)
    scaler.scale(_loss(model, 2)).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert (handle.norm, handle.clipped) == (None, 0)
    assert _equal(model, _model(torch.float32))


@pytest.mark.parametrize("limits", [{"norm": 1.0}, {"value": 1.0}])
def test_a_norm_of_nan_is_an_error_if_asked_for(limits: dict[str, float]) -> None:
    with pytest.raises(RuntimeError, match="non-finite"):
        _stepped_once([[math.nan]], error_if_nonfinite=True, **limits)


def test_a_closure_is_refused() -> None:
    model = _model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    clip(optimizer, norm=1.0)
    with pytest.raises(ValueError, match=r"was given a closure(?s:.*)do: call loss.backward"):
        optimizer.step(lambda: 0.0)
    with pytest.raises(ValueError, match="was given a closure"):
        optimizer.step(closure=lambda: 0.0)


def test_what_cannot_be_clipped_before_the_step_is_refused() -> None:
    lbfgs = torch.optim.LBFGS(_model().parameters())
    for optimizer in (lbfgs, _EverySecond(lbfgs), Wrapping(_EverySecond(lbfgs))):
        with pytest.raises(ValueError, match=r"within its step(?s:.*)do: clip within the closure"):
            clip(optimizer, norm=1.0)


@pytest.mark.parametrize(
    ("given_", "limits", "kind", "words"),
    [
        ([1, 2], {"norm": 1.0}, TypeError, "a list of 2.*one optimizer was expected.*Together"),
        (nn.Linear(1, 1), {"norm": 1.0}, TypeError, "Linear, and a torch.optim.Optimizer"),
        (None, {}, ValueError, "neither norm nor value.*norm=1.0"),
        (None, {"norm": 0}, ValueError, "norm=0 was given.*above 0.*do: norm=1.0"),
        (None, {"value": -1.0}, ValueError, "value=-1.0 was given"),
        (None, {"norm": math.nan}, ValueError, "norm=nan was given"),
        (None, {"norm": math.inf}, ValueError, "norm=inf was given"),
        (None, {"norm": "1"}, TypeError, "norm='1' is of type str"),
        (None, {"norm": True}, TypeError, "norm=True is of type bool"),
        (None, {"norm": 1.0, "norm_type": 0}, ValueError, "norm_type=0 was given.*norm_type=2.0"),
        (None, {"norm": 1.0, "norm_type": None}, TypeError, "norm_type=None is of type"),
    ],
)
def test_mistakes(given_: Any, limits: Any, kind: type[Exception], words: str) -> None:
    optimizer = torch.optim.SGD(_model().parameters(), lr=0.1) if given_ is None else given_
    with pytest.raises(kind, match=f"(?s){words}"):
        clip(optimizer, **limits)


def test_the_doctor_finds_nothing_wrong_with_it() -> None:
    model = _model(torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with listen() as doctor:
        clip(optimizer, norm=0.5, value=0.5)
        _train(model, optimizer)
    assert doctor.report().findings == []
