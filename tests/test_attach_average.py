"""Averaged weights are those of the recursion by hand, taken in when the weights have moved."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.functional import mse_loss
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from fivestep.attach.average import average, needs_reestimation, reestimate
from fivestep.attach.precision import autocast, precision, scaled
from fivestep.attach.wrapping import Wrapping

OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd": partial(torch.optim.SGD, lr=0.1, momentum=0.9),
    "adamw": partial(torch.optim.AdamW, lr=0.01),
    "adamw fused": partial(torch.optim.AdamW, lr=0.01, fused=True),
    "adagrad": partial(torch.optim.Adagrad, lr=0.1),
    "groups": lambda ps: torch.optim.SGD([{"params": [p], "lr": 0.1} for p in ps]),
}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)
        self.drop, self.last = nn.Dropout(0.2), nn.Linear(4, 2)
        self.last.weight.requires_grad_(False)
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, x: Any) -> Any:
        if self.training:
            self.calls += 1
        return self.last(self.drop(self.norm(self.first(x))))


def batches(count: int = 8, dtype: Any = torch.float32) -> list[tuple[Any, Any]]:
    return [(torch.randn(5, 3, dtype=dtype), torch.randn(5, 2, dtype=dtype)) for _ in range(count)]


def train(model: Any, optimizer: Any, data: Any, after: Callable[[], None] = lambda: None) -> None:
    for inputs, targets in data:
        loss = mse_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        after()


def weights(model: nn.Module) -> list[Any]:
    return [p.detach().clone() for p in model.parameters()]


def trail(model: Any, optimizer: Any, data: Any) -> list[list[Any]]:
    seen: list[list[Any]] = []
    train(model, optimizer, data, lambda: seen.append(weights(model)))
    return seen


# --- The average ----------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(
    decay=st.sampled_from([None, 0.0, 0.5, 0.999]),
    start=st.integers(0, 4),
    every=st.integers(1, 4),
    count=st.integers(0, 9),
)
def test_the_recursion_by_hand(decay: float | None, start: int, every: int, count: int) -> None:
    model = Network().double()
    before = weights(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    averaged = average(model, optimizer, decay=decay, start=start, every=every)
    seen = trail(model, optimizer, batches(count, torch.float64))
    taken = [seen[u - 1] for u in range(1, count + 1) if u > start and (u - start) % every == 0]
    assert averaged.updates == len(taken)
    expected = taken[0] if taken else before
    for number, new in enumerate(taken[1:], start=1):
        old = number / (number + 1) if decay is None else decay
        expected = [old * a + (1 - old) * b for a, b in zip(expected, new, strict=True)]
    for a, b in zip(averaged.module.parameters(), expected, strict=True):
        torch.testing.assert_close(a.detach(), b, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("decay", [None, 0.9])
def test_the_bits_of_torch_s_own(decay: float | None, make: Any) -> None:
    model = Network()
    theirs = AveragedModel(
        model, multi_avg_fn=None if decay is None else get_ema_multi_avg_fn(decay)
    )
    optimizer = make(model.parameters())
    ours = average(model, optimizer, decay=decay)
    train(model, optimizer, batches(), lambda: theirs.update_parameters(model))
    state = theirs.module.state_dict()
    assert list(ours.state()) == list(state)
    for name, value in ours.state().items():
        assert torch.equal(value, state[name]), name
    assert torch.equal(ours.state()["calls"], model.calls)  # pyright: ignore
    assert torch.equal(ours.state()["norm.running_mean"], model.norm.running_mean)  # pyright: ignore
    assert torch.equal(ours.module.last.weight, model.last.weight)  # pyright: ignore


def test_averaging_changes_nothing_of_the_training() -> None:
    plain = Network()
    model = copy.deepcopy(plain)
    data = batches()
    torch.manual_seed(1)
    train(plain, torch.optim.SGD(plain.parameters(), lr=0.1), data)
    torch.manual_seed(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    average(model, optimizer, decay=0.9)
    train(model, optimizer, data)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_only_what_moved_the_weights_counts() -> None:
    class EverySecond(Wrapping):
        calls = 0

        def step(self, closure: Any = None) -> None:  # pyright: ignore
            self.calls += 1
            if self.calls % 2 == 0:
                self.inner.step()

    model = Network()
    optimizer = EverySecond(torch.optim.SGD(model.parameters(), lr=0.1))
    averaged = average(model, optimizer)
    train(model, optimizer, batches(8))
    assert averaged.updates == 4

    model = Network()
    autocast(model, "float16")
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    optimizer = scaled(model, inner, scaler=GradScaler("cpu", init_scale=2.0**20))
    averaged = average(model, optimizer)
    train(model, optimizer, batches(10))
    assert optimizer.skipped > 0
    assert averaged.updates == 10 - optimizer.skipped


def test_remove_and_copy_to() -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with average(model, optimizer, decay=0.5) as averaged:
        train(model, optimizer, batches(3))
    kept = weights(averaged.module)
    train(model, optimizer, batches(2))
    assert averaged.updates == 3
    other: Any = torch.compile(Network(), backend="eager")
    averaged.copy_to(other)
    for p, q, r in zip(kept, averaged.module.parameters(), other.parameters(), strict=True):
        assert torch.equal(p, q)
        assert torch.equal(p, r)
        assert q.data_ptr() != r.data_ptr()


# --- The copy -------------------------------------------------------------------------------------


def test_the_copy_is_bare() -> None:
    """No autocast and no scale of ours goes with it; hooks of the user do."""
    model = Network()
    calls: list[int] = []
    model.register_forward_hook(lambda *_: calls.append(1))
    compiled: Any = torch.compile(model, backend="eager")
    optimizer = precision(compiled, torch.optim.SGD(model.parameters(), lr=0.1), "float16")
    plain = Network()
    other = precision(plain, torch.optim.SGD(plain.parameters(), lr=0.1), "bfloat16")
    x = torch.randn(4, 3)
    kinds: list[Any] = []
    for one, whose, name in ((compiled, optimizer, "compiled"), (plain, other, "plain")):
        hooks = [len(part._forward_hooks) for part in one.modules()]  # pyright: ignore
        averaged = average(one, whose)
        assert [len(part._forward_hooks) for part in one.modules()] == hooks  # pyright: ignore
        assert type(averaged.module) is Network, name
        copied: Any = averaged.module.eval()
        assert copied.first(x).dtype is torch.float32
        kinds.clear()
        copied.first.register_forward_hook(lambda m, a, output: kinds.append(output.dtype))
        copied(x)
        assert kinds == [torch.float32]
        assert all("_orig_mod" not in key for key in averaged.state())
    assert calls == [1]
    one.first.register_forward_hook(lambda m, a, output: kinds.append(output.dtype))
    one.eval()(x)
    assert kinds[-1] is torch.bfloat16  # the model's own are back in their place


def test_what_is_refused() -> None:
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match=r"do: pass an nn\.Module"):
        average(torch.sin, optimizer)
    with pytest.raises(TypeError, match="do: leave average out"):
        average(model, torch.optim.LBFGS(model.parameters()))
    for wrong in ({"decay": 1.0}, {"decay": -0.1}, {"start": -1}, {"every": 0}):
        with pytest.raises(ValueError, match="do: choose"):
            average(model, optimizer, **wrong)  # pyright: ignore
    with pytest.raises(ValueError, match="do: keep the weights in float32"):
        average(Network().bfloat16(), optimizer)


# --- BatchNorm's statistics -----------------------------------------------------------------------


def norms(model: Any) -> dict[str, Any]:
    return {n: b.clone() for n, b in model.named_buffers() if "norm" in n}


@pytest.mark.parametrize("mode", [True, False])
def test_the_statistics_are_torch_s_own(mode: bool) -> None:
    model = Network().train(mode)
    theirs = copy.deepcopy(model)
    data = batches(4)
    state = torch.get_rng_state()
    update_bn(data, theirs)
    torch.set_rng_state(state)
    before, momentum = weights(model), model.norm.momentum
    reestimate(model, data)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(weights(model), before, strict=True))
    for name, value in norms(theirs).items():
        assert torch.equal(value, norms(model)[name]), name
    assert {part.training for part in model.modules()} == {mode}
    assert (model.norm.momentum, int(model.calls)) == (momentum, 0)  # pyright: ignore


def test_the_statistics_by_hand() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    model(torch.randn(6, 3).double() + 5)  # what was there before does not count
    data = batches(7, torch.float64)
    reestimate(model, data)
    hidden = [model[0](x).detach() for x, _ in data]
    mean = torch.stack([h.mean(0) for h in hidden]).mean(0)
    variance = torch.stack([h.var(0) for h in hidden]).mean(0)
    torch.testing.assert_close(model[1].running_mean, mean, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model[1].running_var, variance, rtol=1e-12, atol=1e-12)
    assert int(model[1].num_batches_tracked) == 7  # pyright: ignore


def test_a_frozen_norm_stays_frozen() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm1d(3))
    model(torch.randn(6, 3) + 5)  # statistics of its own, that no reset gives back
    model[0].eval()
    before = copy.deepcopy(model[0].state_dict())
    reestimate(model, batches(3))
    for name, value in model[0].state_dict().items():
        assert torch.equal(value, before[name])
    assert int(model[1].num_batches_tracked) == 3  # pyright: ignore
    assert [model[0].training, model[1].training] == [False, True]


@pytest.mark.parametrize("wrong", ["empty", "not a pair", "fails"])
def test_after_an_error_all_is_as_before(wrong: str) -> None:
    model = Network().eval()
    train(model.train(), torch.optim.SGD(model.parameters(), lr=0.1), batches(2))
    model.eval()
    before = copy.deepcopy(model.state_dict())
    data: Any = {
        "empty": [],
        "not a pair": [*batches(1), torch.randn(2, 3)],
        "fails": [*batches(1), (torch.randn(5, 2), 0)],
    }[wrong]
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        reestimate(model, data)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert model.norm.momentum == 0.1
    assert not model.training


def test_how_the_model_is_called() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, a: Any, b: Any) -> Any:
            return self.norm(a + b)

    a, b, y = torch.randn(4, 3), torch.randn(4, 3), torch.randn(4)
    made: list[Any] = []
    for inputs in ((a, b), {"a": a, "b": b}):
        reestimate(model := Two(), [(inputs, y)])
        made.append(norms(model))
    reestimate(model := Two(), [[a, b, y]], forward=lambda module, batch: module(*batch[:2]))
    for one in (*made, norms(model)):
        torch.testing.assert_close(one["norm.running_mean"], (a + b).mean(0))


def test_without_a_norm_nothing_is_computed() -> None:
    without = [nn.Linear(3, 2), nn.LayerNorm(3), nn.BatchNorm1d(3, track_running_stats=False)]
    for model in without:
        assert not needs_reestimation(model)
        reestimate(model, iter(lambda: pytest.fail("a batch was fetched"), None))
    assert not needs_reestimation(torch.sin)
    assert needs_reestimation(nn.Sequential(nn.Sequential(nn.BatchNorm2d(3))))


def test_the_whole_way() -> None:
    """As a training ends: average, statistics, and only then a prediction."""
    model = Network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    averaged = average(model, optimizer, start=2)
    data = batches(10)
    train(model, optimizer, data)
    assert needs_reestimation(averaged.module)
    stale = norms(averaged.module)
    reestimate(averaged.module, data)
    assert not torch.equal(stale["norm.running_mean"], norms(averaged.module)["norm.running_mean"])
    train(model, optimizer, data[:1])  # the next update brings the model's statistics again
    assert torch.equal(averaged.state()["norm.running_mean"], model.norm.running_mean)  # pyright: ignore


@pytest.mark.parametrize("fused", [True, False])
def test_an_update_that_gradscaler_skips_is_not_averaged(fused: bool) -> None:
    weight = nn.Parameter(torch.ones(3))
    model = nn.Module()
    model.weight = weight
    optimizer = torch.optim.SGD([weight], lr=0.1, fused=fused)
    scaler = GradScaler("cpu", init_scale=4.0)
    averaged = average(model, optimizer)
    for size in (1.0, float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale((weight * size).sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    assert averaged.updates == 2
