"""Several optimizers as one, held against the same optimizers stepped by hand."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR, OneCycleLR, StepLR

from fivestep.attach.together import Together, together
from fivestep.doctor import listen
from fivestep.loop import Step, train

Make = Callable[[Any], Any]

MAKERS: dict[str, tuple[Make, Make]] = {
    "sgd and adamw": (
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.AdamW(p, lr=0.01),
    ),
    "adagrad and rmsprop": (torch.optim.Adagrad, lambda p: torch.optim.RMSprop(p, lr=0.01)),
    "foreach and fused": (
        lambda p: torch.optim.Adam(p, foreach=True),
        lambda p: torch.optim.SGD(p, lr=0.1, fused=True),
    ),
}


class Net(nn.Module):
    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        super().__init__()
        self.encoder = nn.Linear(3, 4, dtype=dtype)
        self.head = nn.Linear(4, 1, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.tanh(self.encoder(x)))


def data(dtype: torch.dtype = torch.float64, count: int = 6) -> list[tuple[Tensor, Tensor]]:
    made = torch.Generator().manual_seed(1)
    return [
        (torch.randn(8, 3, generator=made).to(dtype), torch.randn(8, 1, generator=made).to(dtype))
        for _ in range(count)
    ]


def weights(model: nn.Module) -> list[Tensor]:
    return [one.detach().clone() for one in model.parameters()]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(a.equal(b) for a, b in zip(one, other, strict=True))


def both(model: Net, name: str = "sgd and adamw") -> tuple[Any, Any]:
    first, second = MAKERS[name]
    return first(model.encoder.parameters()), second(model.head.parameters())


def go(model: nn.Module, optimizer: Any, batches: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    for _ in train(model, nn.MSELoss(), optimizer, batches):
        pass
    return weights(model)


def by_hand(
    model: Net, optimizers: tuple[Any, ...], batches: list[tuple[Tensor, Tensor]]
) -> list[Tensor]:
    for x, y in batches:
        loss = nn.functional.mse_loss(model(x), y)
        for one in optimizers:
            one.zero_grad()
        loss.backward()
        for one in optimizers:
            one.step()
    return weights(model)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_it_steps_bit_for_bit_like_its_optimizers(name: str, dtype: torch.dtype) -> None:
    model = Net(dtype)
    twin = copy.deepcopy(model)
    ours = go(model, together(*both(model, name)), data(dtype))
    assert same(ours, by_hand(twin, both(twin, name), data(dtype)))
    assert not same(ours, weights(Net(dtype)))


def test_the_groups_and_the_state_are_live() -> None:
    model = Net()
    first, second = both(model)
    optimizer = together(first, second)
    optimizer.param_groups[1]["lr"] = 0.0
    assert second.param_groups[0]["lr"] == 0.0
    second.add_param_group({"params": [nn.Parameter(torch.zeros(2))]})
    assert len(optimizer.param_groups) == 3
    before = weights(model.head)
    go(model, optimizer, data(count=1))
    assert same(before, weights(model.head))
    assert set(optimizer.state) == set(model.parameters())
    assert optimizer.state[model.head.weight] is second.state[model.head.weight]
    assert set(optimizer.defaults) == set(first.defaults) & set(second.defaults)


def test_hooks_run_once_around_all_and_inner_ones_around_their_own() -> None:
    model = Net()
    first, second = both(model)
    optimizer, said = together(first, second), list[str]()

    def say(text: str) -> Callable[..., None]:
        return lambda *_: said.append(text)

    first.register_step_pre_hook(say("first"))
    second.register_step_post_hook(say("second done"))
    optimizer.register_step_pre_hook(say("all"))
    handle = optimizer.register_step_post_hook(say("all done"))
    go(model, optimizer, data(count=2))
    assert said == ["all", "first", "second done", "all done"] * 2
    handle.remove()
    said.clear()
    go(model, optimizer, data(count=1))
    assert said == ["all", "first", "second done"]


def test_one_norm_over_everything_is_clipped_in_a_pre_hook() -> None:
    model = Net()
    twin = copy.deepcopy(model)
    optimizer = together(*both(model))

    def clip(held: Any, args: Any, kwargs: Any) -> None:
        every = [p for group in held.param_groups for p in group["params"]]
        nn.utils.clip_grad_norm_(every, 0.01)

    optimizer.register_step_pre_hook(clip)
    ours = go(model, optimizer, data())
    pair = both(twin)
    for x, y in data():
        loss = nn.functional.mse_loss(twin(x), y)
        twin.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(twin.parameters(), 0.01)
        for one in pair:
            one.step()
    assert same(ours, weights(twin))


def test_zero_grad_clears_all() -> None:
    model = Net()
    optimizer = together(*both(model))
    model(torch.ones(2, 3, dtype=torch.float64)).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("named", [False, True])
def test_a_saved_state_goes_on_as_if_nothing_had_happened(named: bool) -> None:
    model = Net()

    def make(model: Net) -> Together:
        pair = both(model)
        names = ("encoder", "head")
        return together(dict(zip(names, pair, strict=True))) if named else together(*pair)

    optimizer = make(model)
    go(model, optimizer, data(count=3))
    twin = copy.deepcopy(model)
    kept = io.BytesIO()
    torch.save(optimizer.state_dict(), kept)
    kept.seek(0)
    resumed = make(twin)
    resumed.load_state_dict(torch.load(kept, weights_only=True))
    assert same(go(model, optimizer, data()), go(twin, resumed, data()))


def test_a_state_that_does_not_fit_is_loaded_into_none() -> None:
    model, other = Net(), Net()
    go(other, saved := together(*both(other)), data(count=1))
    state = saved.state_dict()
    optimizer = together(*both(model))
    state["optimizers"][1]["param_groups"].append({"params": [7]})
    with pytest.raises(ValueError, match=r"optimizer 1 has \[2\] .* given has \[2, 1\]"):
        optimizer.load_state_dict(state)
    assert not optimizer.state
    named = together(dict(zip(("a", "b"), both(model), strict=True)))
    with pytest.raises(ValueError, match="states without names were given"):
        named.load_state_dict(state)
    with pytest.raises(ValueError, match="states with names were given"):
        optimizer.load_state_dict(named.state_dict())
    with pytest.raises(ValueError, match=r"\['a', 'c'\] were given"):
        named.load_state_dict({"optimizers": {"a": {}, "c": {}}})
    with pytest.raises(ValueError, match="1 of them were given"):
        optimizer.load_state_dict({"optimizers": [{}]})
    with pytest.raises(ValueError, match=r"keys \['state', 'param_groups'\] were given"):
        optimizer.load_state_dict(both(model)[0].state_dict())


def test_a_copy_steps_alone() -> None:
    model, said = Net(), list[int]()
    optimizer = together(*both(model))
    optimizer.register_step_pre_hook(lambda *_: said.append(1))
    LambdaLR(optimizer, lambda _: 1.0)  # it puts a function of its own in the place of step
    twin, its = copy.deepcopy((model, optimizer))
    before = weights(model)
    moved = go(twin, its, data())
    assert same(before, weights(model))
    assert not said
    assert same(go(model, optimizer, data()), moved)
    assert isinstance(pickle.loads(pickle.dumps(its)), Together)


@pytest.mark.parametrize("overflow", ["encoder", "head", None])
def test_the_scaler_takes_it_for_one(overflow: str | None) -> None:
    model = Net(torch.float32)
    optimizer = together(*both(model))
    scaler = torch.amp.GradScaler(device="cpu", init_scale=4.0)  # pyright: ignore[reportPrivateImportUsage]
    before, (x, y) = weights(model), data(torch.float32, 1)[0]
    scaler.scale(nn.functional.mse_loss(model(x), y)).backward()
    plain = [p.grad.clone() / 4 for p in model.parameters() if p.grad is not None]
    if overflow is not None:
        bias = getattr(model, overflow).bias.grad
        bias[0] = torch.tensor(7e4).half().float()  # more than float16 holds
    scaler.unscale_(optimizer)
    if overflow is None:
        grads = [p.grad for p in model.parameters() if p.grad is not None]
        assert all(torch.equal(a, b) for a, b in zip(grads, plain, strict=True))
    scaler.step(optimizer)
    scaler.update()
    stood = [a.equal(b) for a, b in zip(before, weights(model), strict=True)]
    assert stood == [overflow is not None] * 4
    assert scaler.get_scale() == (4.0 if overflow is None else 2.0)


def test_float16_overflow_in_one_of_them_under_autocast_holds_all_back() -> None:
    model = Net(torch.float32)
    optimizer = together(*both(model))
    scaler = torch.amp.GradScaler(device="cpu", init_scale=2.0**15)  # pyright: ignore[reportPrivateImportUsage]
    before = weights(model)
    x = torch.ones(8, 3)
    with torch.autocast("cpu", dtype=torch.float16):
        hidden = torch.tanh(model.encoder(x))
        loss = (model.head(hidden.detach()) * 1000).float().mean() + hidden.float().mean()
    scaler.scale(loss).backward()
    grads = {name: p.grad for name, p in model.named_parameters()}
    finite = {name: bool(grad.isfinite().all()) for name, grad in grads.items() if grad is not None}
    assert finite["encoder.bias"]
    assert not finite["head.bias"]
    scaler.step(optimizer)
    assert same(before, weights(model))


def test_a_closure_is_evaluated_once_before_the_first() -> None:
    model = Net()
    optimizer = together(*both(model))
    x, y = data(count=1)[0]
    calls: list[bool] = []

    def closure() -> Tensor:
        calls.append(torch.is_grad_enabled())
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    twin = copy.deepcopy(model)
    with torch.no_grad():
        assert optimizer.step(closure) is not None
    assert calls == [True]
    assert same(weights(model), by_hand(twin, both(twin), data(count=1)))


def test_schedules_of_one_and_of_all() -> None:
    model = Net()
    first, second = both(model)
    optimizer = together(first, second)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "lr_scheduler.step() before optimizer.step()"
        one = StepLR(first, 1, 0.5)
        every = LambdaLR(optimizer, [lambda _: 1.0, lambda n: 1.0 / (n + 1)])
        for _ in range(2):
            go(model, optimizer, data(count=1))
            one.step()
        assert [group["lr"] for group in optimizer.param_groups] == [0.025, 0.01]
        every.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.005]


def test_a_schedule_that_also_moves_an_option_all_must_know() -> None:
    model = Net()
    with pytest.raises(ValueError, match="momentum"):
        OneCycleLR(together(*both(model)), 0.1, total_steps=9)  # one has betas, one a momentum
    pair = (
        torch.optim.Adam(model.encoder.parameters()),
        torch.optim.AdamW(model.head.parameters()),
    )
    schedule = OneCycleLR(together(*pair), 0.1, total_steps=9)
    assert [one.param_groups[0]["betas"][0] for one in pair] == [0.95, 0.95]
    assert schedule.get_last_lr() == pytest.approx([0.004, 0.004])


def test_what_is_refused() -> None:
    model = Net()
    sgd, adamw = both(model)
    with pytest.raises(ValueError, match="no optimizer was given"):
        together()
    with pytest.raises(ValueError, match="no optimizer was given"):
        together({})
    with pytest.raises(ValueError, match="optimizer 1 is the same SGD"):
        together(sgd, sgd)
    with pytest.raises(TypeError, match="optimizer 0 is a list of 2"):
        together([sgd, adamw])
    with pytest.raises(TypeError, match="optimizer 0 is the class SGD"):
        together(torch.optim.SGD)
    with pytest.raises(TypeError, match="optimizer 1 is LBFGS, whose step demands a closure"):
        together(sgd, torch.optim.LBFGS(model.head.parameters()))
    with pytest.raises(TypeError, match="optimizer 0 is Together, which stands around"):
        together(together(sgd), adamw)
    twice = torch.optim.SGD([model.head.bias, model.encoder.weight], lr=0.1)
    expected = r"parameter 1 of group 0 of optimizer 1, of shape \(4, 3\), is held by optimizer 0"
    with pytest.raises(ValueError, match=expected):
        together(sgd, twice)
    with pytest.raises(ValueError, match="a group was added to 2 optimizers together"):
        together(sgd, adamw).add_param_group({"params": [model.head.bias]})
    with pytest.raises(AttributeError, match="'Together' object has no attribute 'no_such'"):
        together(sgd, adamw).no_such  # noqa: B018


def heard(loop: Callable[[Net, Together], None]) -> list[str]:
    model = Net(torch.float32)
    with listen() as doctor:
        loop(model, together(*both(model)))
    return [finding.rule for finding in doctor.report().findings]


def rounds(count: int = 60) -> list[tuple[Tensor, Tensor]]:
    made = torch.Generator().manual_seed(2)
    inputs = [torch.randn(16, 3, generator=made) for _ in range(count)]
    return [(x, x.sum(1, keepdim=True) + 0.1 * torch.randn(16, 1, generator=made)) for x in inputs]


def test_the_doctor_is_silent_about_a_healthy_loop() -> None:
    def loop(model: Net, optimizer: Together) -> None:
        for x, y in rounds():
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    assert heard(loop) == []


def test_the_doctor_is_silent_about_a_healthy_train() -> None:
    def loop(model: Net, optimizer: Together) -> None:
        for moment in train(model, nn.MSELoss(), optimizer, rounds()):
            assert moment.step in Step

    assert heard(loop) == []


def test_the_doctor_still_finds_a_missing_zero_grad() -> None:
    def loop(model: Net, optimizer: Together) -> None:
        for x, y in rounds():
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()

    assert heard(loop) == ["stale-gradient"]


def test_the_doctor_finds_that_one_of_them_is_never_cleared() -> None:
    def loop(model: Net, optimizer: Together) -> None:
        for x, y in rounds():
            loss = nn.functional.mse_loss(model(x), y)
            optimizer.optimizers[0].zero_grad()
            loss.backward()
            optimizer.step()

    assert heard(loop) == ["stale-gradient"]
