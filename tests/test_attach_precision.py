"""Mixed precision attached to the model gives the bits of the loops that are written by hand."""

# pyright: reportUnknownLambdaType=false

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from by_hand import MakeOptimizer, assert_same, assert_same_training, twins
from torch import nn
from torch.amp.grad_scaler import GradScaler
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.parallel import DataParallel

from fivestep.attach.precision import autocast, precision, scaled
from fivestep.attach.tf32 import tf32

SGD = partial(torch.optim.SGD, lr=0.1, momentum=0.9)
OPTIMIZERS: dict[str, MakeOptimizer] = {
    "sgd": SGD,
    "adamw": partial(torch.optim.AdamW, lr=0.01),
    "adamw foreach": partial(torch.optim.AdamW, lr=0.01, foreach=True),
    "adamw fused": partial(torch.optim.AdamW, lr=0.01, fused=True),
    "adagrad": partial(torch.optim.Adagrad, lr=0.1),
}


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(3, 8), nn.LayerNorm(8), nn.Linear(8, 2)

    def forward(self, x: Any) -> Any:
        return self.last(torch.tanh(self.norm(self.first(x))))


class Frozen(Network):
    def __init__(self) -> None:
        super().__init__()
        self.first.requires_grad_(False)


class Sparse(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(6, 4, sparse=True), nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        return self.last(self.embed((x[:, 0].abs() * 2).long().clamp(max=5)))


def batches(count: int = 6) -> list[tuple[Any, Any]]:
    return [(torch.randn(5, 3), torch.randn(5, 2)) for _ in range(count)]


def ours(model: Any, optimizer: Any, data: Any, loss_fn: Any = mse_loss) -> list[Any]:
    losses: list[Any] = []
    for inputs, targets in data:
        prediction = model(inputs)
        loss = loss_fn(prediction, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def to_half(model: Any, optimizer: Any, scale: float = 2.0**10) -> Any:
    """As ``precision(..., "float16")``, from a scale that does not overflow here."""
    autocast(model, "float16")
    return scaled(model, optimizer, scaler=GradScaler("cpu", init_scale=scale))


def theirs(
    model: Any, optimizer: Any, data: Any, scaler: Any = None, clip: Any = None
) -> list[Any]:
    """The recipes of torch's documentation; the outputs are made float32 before the loss."""
    dtype = torch.bfloat16 if scaler is None else torch.float16
    scaler, losses = scaler or GradScaler("cpu", enabled=False), []
    for inputs, targets in data:
        with torch.autocast("cpu", dtype=dtype):
            prediction = model(inputs)
        loss = mse_loss(prediction.float(), targets)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        if clip is not None:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.detach())
    return losses


# --- The same bits --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("network", [Network, Frozen])
def test_bfloat16_is_the_recipe(network: Callable[[], nn.Module], make: MakeOptimizer) -> None:
    one, other = twins(network(), make)
    data = batches()
    optimizer = precision(*other, "bfloat16")
    assert optimizer is other[1]
    assert_same(theirs(*one, data), ours(other[0], optimizer, data))
    assert_same_training(one, other)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize("network", [Network, Frozen])
@pytest.mark.parametrize("scale", [1.0, 2.0**10])
def test_float16_is_the_recipe(
    network: Callable[[], nn.Module], make: MakeOptimizer, scale: float
) -> None:
    one, other = twins(network(), make)
    data = batches()
    scaler = GradScaler("cpu", init_scale=scale, growth_interval=2)
    autocast(other[0], "float16")
    optimizer = scaled(*other, scaler=GradScaler("cpu", init_scale=scale, growth_interval=2))
    assert_same(theirs(*one, data, scaler), ours(other[0], optimizer, data))
    assert_same_training(one, other)
    assert optimizer.scale == scaler.get_scale() != scale
    assert optimizer.scaler.state_dict() == scaler.state_dict()


def test_float16_of_sparse_gradients() -> None:
    one, other = twins(Sparse(), partial(torch.optim.SGD, lr=0.1))
    data = batches()
    optimizer = to_half(*other)
    assert_same(
        theirs(*one, data, GradScaler("cpu", init_scale=2.0**10)), ours(other[0], optimizer, data)
    )
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        assert torch.equal(p, q)


def test_a_scale_that_is_no_power_of_two_differs_by_rounding_only() -> None:
    one, other = twins(Network(), SGD)
    data = batches(1)
    autocast(other[0], "float16")
    optimizer = scaled(*other, scaler=GradScaler("cpu", init_scale=1000.0))
    theirs(*one, data, GradScaler("cpu", init_scale=1000.0))
    ours(other[0], optimizer, data)
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, rtol=2e-3, atol=1e-5)


def test_small_gradients_survive() -> None:
    """What the scale is there for: without it these are zero in float16."""
    data = [(torch.randn(5, 3), torch.randn(5, 2))]

    def loss_fn(prediction: Any, targets: Any) -> Any:
        return mse_loss(prediction, targets) * 1e-6

    truth, half, unscaled = Network(), Network(), Network()
    for model in (half, unscaled):
        model.load_state_dict(truth.state_dict())
    ours(truth, SGD(truth.parameters()), data, loss_fn)
    ours(half, precision(half, SGD(half.parameters()), "float16"), data, loss_fn)
    autocast(unscaled, "float16")
    ours(unscaled, SGD(unscaled.parameters()), data, loss_fn)
    true = truth.first.weight.grad
    assert true is not None
    for model, near in ((half, True), (unscaled, False)):
        assert torch.allclose(model.first.weight.grad, true, rtol=0.05, atol=1e-9) is near  # pyright: ignore


def test_float32_is_nothing_at_all() -> None:
    model = Network()
    optimizer = SGD(model.parameters())
    assert precision(model, optimizer, "float32") is optimizer
    assert not model._forward_hooks  # pyright: ignore


def test_a_float64_model_keeps_its_outputs() -> None:
    model = Network().double()
    with autocast(model, "bfloat16"):
        assert model(torch.randn(2, 3).double()).dtype is torch.float64


# --- The scale ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_run_that_finds_its_scale(make: MakeOptimizer) -> None:
    """From far above: the first updates are skipped, here as in the recipe."""
    one, other = twins(Network(), make)
    data = batches(12)
    scaler = GradScaler("cpu", init_scale=2.0**20)
    optimizer = to_half(*other, scale=2.0**20)
    assert_same(theirs(*one, data, scaler), ours(other[0], optimizer, data))
    assert_same(dict(one[0].state_dict()), dict(other[0].state_dict()))
    assert_same(one[1].state_dict(), other[1].state_dict())
    assert 3 < optimizer.skipped < 9
    assert optimizer.scale == scaler.get_scale() == 2.0 ** (20 - optimizer.skipped)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_overflow_skips_once_and_halves_the_scale(make: MakeOptimizer) -> None:
    model = Network()
    inner = make(model.parameters())
    optimizer = to_half(model, inner)
    schedule = torch.optim.lr_scheduler.StepLR(inner, 1, gamma=0.5)
    moved: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: moved.append("before"))
    optimizer.register_step_post_hook(lambda *_: (moved.append("after"), schedule.step()))
    ours(model, optimizer, batches(1))
    assert moved == ["before", "after"]
    weights = copy.deepcopy(model.state_dict())
    state, rate = copy.deepcopy(optimizer.state_dict()), inner.param_groups[0]["lr"]
    inputs, targets = batches(1)[0]
    ours(model, optimizer, [(inputs, targets * 1e6)])  # 1024 times its gradient is no float16
    assert (optimizer.skipped, optimizer.scale) == (1, 2.0**9)
    assert moved == ["before", "after"]
    assert inner.param_groups[0]["lr"] == rate
    assert_same(dict(model.state_dict()), dict(weights))
    assert_same(optimizer.state_dict(), state)
    ours(model, optimizer, batches(1))
    assert (optimizer.skipped, optimizer.scale, len(moved)) == (1, 2.0**9, 4)


def test_clipping_sees_the_true_gradients() -> None:
    one, other = twins(Network(), SGD)
    data = batches()
    optimizer = to_half(*other)
    norms: list[Any] = []
    optimizer.register_step_pre_hook(
        lambda *_: norms.append(nn.utils.clip_grad_norm_(other[0].parameters(), 0.05))
    )
    assert_same(
        theirs(*one, data, GradScaler("cpu", init_scale=2.0**10), clip=0.05),
        ours(other[0], optimizer, data),
    )
    assert_same_training(one, other)
    assert all(0.05 < norm < 100 for norm in norms)


def test_the_loss_and_what_is_seen_of_gradients_are_true() -> None:
    """The prediction's gradient, and that of inputs that want one."""
    plain, half = twins(Network(), SGD)
    to_half(*half)
    inputs, targets = batches(1)[0]
    seen: list[Any] = []
    for model in (plain[0], half[0]):
        x = inputs.clone().requires_grad_()
        prediction = model(x)
        prediction.retain_grad()
        loss = mse_loss(prediction, targets)
        loss.backward()
        seen.append((loss.detach(), prediction.grad, x.grad))
    for true, found in zip(*seen, strict=True):
        torch.testing.assert_close(found, true, rtol=0.05, atol=0.005)


def test_two_models_in_a_row_are_each_scaled_once() -> None:
    (first, one), (second, other) = twins(nn.Linear(3, 3), SGD)
    torch.nn.init.eye_(second.weight)  # pyright: ignore
    truth = copy.deepcopy(nn.Sequential(first, second))
    optimizers = to_half(first, one), to_half(second, other)
    x = torch.randn(4, 3)
    truth(x).square().mean().backward()
    second(first(x)).square().mean().backward()
    for optimizer in optimizers:
        optimizer.unscale()
    pairs = zip(truth.parameters(), [*first.parameters(), *second.parameters()], strict=True)
    for p, q in pairs:
        torch.testing.assert_close(q.grad, p.grad, rtol=0.02, atol=0.002)


class Outputs(NamedTuple):
    hidden: Any
    logits: Any


def test_outputs_that_depend_on_each_other_are_scaled_once() -> None:
    class Two(Network):
        def forward(self, x: Any) -> Any:
            hidden = self.first(x)
            return Outputs(hidden, self.last(self.norm(hidden)))

    one, other = twins(Two(), SGD)
    optimizer = to_half(*other)
    inputs, targets = batches(1)[0]
    for model in (one[0], other[0]):
        hidden, logits = model(inputs)
        (mse_loss(logits, targets) + hidden.square().mean()).backward()
    optimizer.unscale()
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=0.02, atol=0.002)


def test_a_penalty_on_the_weights_is_carried() -> None:
    one, other = twins(Network(), SGD)
    optimizer = to_half(*other)
    inputs, targets = batches(1)[0]

    def penalty(model: Any) -> Any:
        return sum(p.square().sum() for p in model.parameters())

    (mse_loss(one[0](inputs), targets) + penalty(one[0])).backward()
    (mse_loss(other[0](inputs), targets) + optimizer.carry(penalty(other[0]))).backward()
    optimizer.unscale()
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=0.02, atol=0.002)


def test_several_backwards_before_one_update() -> None:
    one, other = twins(Network(), SGD)
    optimizer = to_half(*other)
    for inputs, targets in batches(3):
        mse_loss(one[0](inputs), targets).backward()
        mse_loss(other[0](inputs), targets).backward()
    optimizer.unscale()
    optimizer.unscale()  # once is enough
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=0.03, atol=0.005)
    inputs, targets = batches(1)[0]
    with pytest.raises(RuntimeError, match="after the last backward"):
        mse_loss(other[0](inputs), targets).backward()
    optimizer.zero_grad()  # gives the update up
    ours(other[0], optimizer, [(inputs, targets)])
    assert optimizer.skipped == 0


def test_a_hook_that_fails_leaves_the_next_update_whole() -> None:
    model = Network()
    optimizer = to_half(model, SGD(model.parameters()))

    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    handle = optimizer.register_step_pre_hook(fail)
    with pytest.raises(ZeroDivisionError):
        ours(model, optimizer, batches(1))
    handle.remove()
    ours(model, optimizer, batches(2))
    assert optimizer.skipped == 0


def test_gradients_past_the_model_are_refused() -> None:
    model = Network()
    optimizer = precision(model, SGD(model.parameters()), "float16")
    model.last(model.norm(model.first(torch.randn(2, 3)))).sum().backward()
    with pytest.raises(RuntimeError, match="call the whole model"):
        optimizer.step()
    optimizer.zero_grad()
    optimizer.step()  # no gradient: nothing to do, nothing to refuse
    with pytest.raises(RuntimeError, match="create_graph"):
        torch.autograd.grad(model(torch.randn(2, 3)).sum(), model.last.weight, create_graph=True)


# --- The hooks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    loss: Any
    logits: Any
    note: str = "kept"


class ModelOutput(OrderedDict[str, Any]):
    """What language models return: a dict whose items are attributes, too."""

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        super().__setattr__(key, value)


def nests(y: Any) -> list[Any]:
    output = ModelOutput()
    output["logits"] = y
    return [
        y, (y, 1, None), [y, {"deep": (y,)}], {"logits": y}, Outputs(y, None),
        Answer(y.mean(), y), output, nn.utils.rnn.pack_sequence([y[0], y[1]]),
    ]  # fmt: skip


def tensors(value: Any) -> list[Any]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Answer):
        return [value.loss, value.logits]
    parts: Any = value.values() if isinstance(value, dict) else value
    return (
        [t for part in parts for t in tensors(part)]
        if isinstance(value, tuple | list | dict)
        else []
    )


@pytest.mark.parametrize("word", ["bfloat16", "float16"])
@pytest.mark.parametrize("which", range(8))
def test_any_nest_comes_out_as_float32(which: int, word: Any) -> None:
    class Nesting(nn.Linear):
        def forward(self, input: Any) -> Any:  # noqa: A002
            y = super().forward(input)
            assert y.dtype is getattr(torch, word)
            self.made = nests(y)[which]
            return self.made

    model = Nesting(3, 2)
    precision(model, SGD(model.parameters()), word)
    found = model(torch.randn(4, 3))
    assert type(found) is type(model.made)
    floats = [t for t in tensors(found) if t.is_floating_point()]
    assert floats
    assert {t.dtype for t in floats} == {torch.float32}
    assert {t.dtype for t in tensors(model.made) if t.is_floating_point()} != {torch.float32}
    if isinstance(found, ModelOutput):
        assert found.logits is found["logits"]  # pyright: ignore
    if isinstance(found, Answer):
        assert found.note == "kept"


@pytest.mark.parametrize("word", ["bfloat16", "float16"])
def test_a_loss_computed_inside(word: Any) -> None:
    class Inside(Network):
        def forward(self, x: Any, labels: Any = None) -> Any:
            logits = super().forward(x)
            return {"loss": cross_entropy(logits, labels), "logits": logits}

    one, other = twins(Inside(), SGD)
    optimizer = precision(*other, word)
    scaler = GradScaler("cpu", enabled=word == "float16")
    for _ in range(4):
        x, labels = torch.randn(5, 3), torch.randint(2, (5,))
        with torch.autocast("cpu", dtype=getattr(torch, word)):
            loss = one[0](x, labels=labels)["loss"]
        one[1].zero_grad()
        scaler.scale(loss).backward()
        scaler.step(one[1])
        scaler.update()
        found = other[0](x, labels=labels)["loss"]
        optimizer.zero_grad()
        found.backward()
        optimizer.step()
        assert torch.equal(loss, found)
    assert_same_training(one, other)


def test_an_exception_leaves_autocast_as_it_was() -> None:
    class Failing(Network):
        fails = True

        def forward(self, x: Any) -> Any:
            assert torch.is_autocast_enabled("cpu")
            if self.fails:
                raise ZeroDivisionError
            return super().forward(x)

    model = Failing()
    handle = autocast(model, "bfloat16")
    with pytest.raises(ZeroDivisionError):
        model(torch.randn(2, 3))
    assert not torch.is_autocast_enabled("cpu")
    with torch.autocast("cpu", dtype=torch.float16):
        with pytest.raises(ZeroDivisionError):
            model(torch.randn(2, 3))
        assert torch.get_autocast_dtype("cpu") is torch.float16
    model.fails = False
    assert model(torch.randn(2, 3)).dtype is torch.float32
    handle.remove()


def test_ctrl_c_in_a_forward_is_undone_by_remove() -> None:
    class Interrupted(Network):
        def forward(self, x: Any) -> Any:
            raise KeyboardInterrupt

    model = Interrupted()
    with pytest.raises(KeyboardInterrupt), autocast(model, "bfloat16"):
        model(torch.randn(2, 3))
    assert not torch.is_autocast_enabled("cpu")


def test_ctrl_c_in_a_forward_does_not_end_the_scaling() -> None:
    class Interrupted(Network):
        at = 0

        def forward(self, x: Any) -> Any:
            self.at += 1
            if self.at == 2:
                raise KeyboardInterrupt
            return super().forward(x)

    model = Interrupted()
    inner = SGD(model.parameters())
    optimizer = scaled(model, inner)
    for _ in range(3):
        optimizer.zero_grad()
        if model.at == 1:
            with pytest.raises(KeyboardInterrupt):
                model(torch.randn(2, 3))
        else:
            model(torch.randn(2, 3)).mean().backward()
            optimizer.step()
    assert optimizer.skipped == 0


def test_a_model_that_calls_itself() -> None:
    class Recursive(nn.Linear):
        def forward(self, input: Any, depth: int = 2) -> Any:  # noqa: A002
            assert torch.is_autocast_enabled("cpu")
            return super().forward(self(input, depth - 1) if depth else input)

    one, other = twins(Recursive(3, 3), SGD)
    optimizer = to_half(*other)
    x = torch.randn(4, 3)
    hidden = x
    for _ in range(3):
        hidden = nn.functional.linear(hidden, *one[0].parameters())
    hidden.square().mean().backward()
    other[0](x).square().mean().backward()
    optimizer.unscale()
    assert not torch.is_autocast_enabled("cpu")
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=0.02, atol=0.005)


@pytest.mark.parametrize("word", ["bfloat16", "float16"])
def test_compiled_without_a_graph_break(word: Any) -> None:
    import torch._dynamo.utils as dynamo  # pyright: ignore

    torch._dynamo.reset()  # pyright: ignore
    one, other = twins(Network(), SGD)
    data = batches()
    compiled: Any = torch.compile(other[0], backend="eager")
    dynamo.counters.clear()
    optimizer = precision(compiled, other[1], word)
    found = ours(compiled, optimizer, data)
    assert sum(dynamo.counters["graph_break"].values()) == 0
    assert dynamo.counters["stats"]["unique_graphs"] == 1
    scaler = GradScaler("cpu") if word == "float16" else None
    assert_same(theirs(*one, data, scaler), found)
    assert_same_training(one, other)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # Dynamo's
def test_compiled_afterwards_is_right_too() -> None:
    one, other = twins(Network(), SGD)
    data = batches(2)
    autocast(other[0], "bfloat16")
    compiled = torch.compile(other[0], backend="eager")
    assert_same(theirs(*one, data), ours(compiled, other[1], data))
    assert_same_training(one, other)


def test_modes_keys_and_no_grad() -> None:
    model = Network()
    keys = list(model.state_dict())
    optimizer = to_half(model, SGD(model.parameters()))
    x = torch.randn(2, 3, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.float16):
        true = nn.Module.__call__(model.eval(), x).float()
    with torch.no_grad():
        assert torch.equal(model.train().eval()(x), true)
    with torch.inference_mode():
        assert torch.equal(model(x), true)
    assert list(model.state_dict()) == keys
    assert optimizer.state_dict() == optimizer.inner.state_dict()
    ours(model.train(), optimizer, batches(1))
    assert list(optimizer.state_dict()) == ["state", "param_groups"]


class Widening(Network):
    def forward(self, x: Any) -> Any:
        return super().forward(x).float()


@pytest.mark.parametrize("network", [Network, Widening])
def test_in_place_on_the_prediction(network: Callable[[], nn.Module]) -> None:
    one, other = twins(network(), SGD)
    optimizer = to_half(*other)
    inputs, targets = batches(1)[0]
    for model in (one[0], other[0]):
        mse_loss(model(inputs).mul_(3).tanh_(), targets).backward()
    optimizer.unscale()
    for p, q in zip(one[0].parameters(), other[0].parameters(), strict=True):
        torch.testing.assert_close(q.grad, p.grad, rtol=0.03, atol=0.005)


def test_copies_of_the_model() -> None:
    """They compute under autocast; as no optimizer unscales for them, nothing is scaled."""
    model = Network()
    optimizer = to_half(model, SGD(model.parameters()))
    x = torch.randn(4, 3)
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(made(x), model(x))
        made.zero_grad()
        made(x).square().mean().backward()
        model.zero_grad()
        model(x).square().mean().backward()
        optimizer.unscale()
        for p, q in zip(model.parameters(), made.parameters(), strict=True):
            torch.testing.assert_close(q.grad, p.grad, rtol=0.02, atol=0.002)
        optimizer.zero_grad()
    both = copy.deepcopy((model, optimizer))
    with pytest.raises(RuntimeError, match="is a copy"):
        ours(*both, batches(1))


def test_all_of_it_can_be_taken_off() -> None:
    model = Network()
    one = model(x := torch.randn(2, 3))
    with autocast(model, "float16"):
        optimizer = scaled(model, SGD(model.parameters()))
        assert not torch.equal(model(x), one)
        optimizer.remove()
    assert torch.equal(model(x), one)
    assert not model._forward_hooks  # pyright: ignore
    assert not model._forward_pre_hooks  # pyright: ignore
    autocast(model, "bfloat16")  # and put on again


def test_data_parallel_is_hooked_inside() -> None:
    """Each of its threads has an autocast of its own, so it has to be entered there."""
    model = DataParallel(Network())
    with autocast(model, "bfloat16"):
        assert model.module._forward_hooks  # pyright: ignore
        assert not model._forward_hooks  # pyright: ignore
        with pytest.raises(ValueError, match="has it already"):
            autocast(model, "bfloat16")


# --- What is refused ------------------------------------------------------------------------------


def test_refusals() -> None:
    model = Network()
    optimizer = SGD(model.parameters())
    with pytest.raises(ValueError, match="do: choose one of"):
        precision(model, optimizer, "half")  # pyright: ignore
    with pytest.raises(ValueError, match="do: choose one of"):
        autocast(model, "float32")  # pyright: ignore
    with pytest.raises(TypeError, match=r"nn.Module can be hooked\n  do: put the function"):
        precision(torch.tanh, optimizer, "bfloat16")
    with pytest.raises(TypeError, match="do: use bfloat16"):
        precision(model, torch.optim.LBFGS(model.parameters()), "float16")
    half = Network().half()
    with pytest.raises(ValueError, match="do: keep the weights in float32"):
        precision(half, SGD(half.parameters()), "float16")
    assert not model._forward_hooks  # pyright: ignore
    wrapped = precision(model, optimizer, "float16")
    with pytest.raises(TypeError, match="do: call backward"):
        wrapped.step(lambda: None)
    with pytest.raises(ValueError, match="do: attach it once"):
        precision(nn.Sequential(model), optimizer, "float16")


# --- tf32 -----------------------------------------------------------------------------------------


def switches() -> list[Any]:
    b: Any = torch.backends
    reads: list[Callable[[], Any]] = [
        lambda: b.cuda.matmul.fp32_precision, lambda: b.cudnn.conv.fp32_precision,
        lambda: b.cudnn.rnn.fp32_precision, lambda: b.mkldnn.matmul.fp32_precision,
        lambda: b.cuda.matmul.allow_tf32, lambda: b.cudnn.allow_tf32,
        torch.get_float32_matmul_precision,
    ]  # fmt: skip
    found: list[Any] = []
    for read in reads:
        try:
            found.append(read())
        except RuntimeError:
            found.append("torch raises")
    return found


def _as_torch_starts() -> None:
    pass


def _older() -> None:
    torch.backends.cuda.matmul.allow_tf32 = True


def _medium() -> None:
    torch.set_float32_matmul_precision("medium")


def _newer() -> None:
    backends: Any = torch.backends
    backends.cuda.matmul.fp32_precision = "tf32"
    backends.cudnn.conv.fp32_precision = "ieee"


@pytest.mark.parametrize("before", [_as_torch_starts, _older, _medium, _newer])
@pytest.mark.parametrize("on", [True, False])
def test_tf32_is_put_back(on: bool, before: Callable[[], None]) -> None:
    backends: Any = torch.backends
    with tf32(False):  # so that this test leaves nothing behind
        cpu = backends.mkldnn.matmul.fp32_precision
        before()
        found = switches()
        model, x = Network(), torch.randn(2, 3)
        true = model(x)
        with tf32(on):
            assert backends.cuda.matmul.allow_tf32 is on
            assert backends.cudnn.allow_tf32 is on
            assert (backends.cuda.matmul.fp32_precision == "tf32") is on
            assert (backends.cudnn.conv.fp32_precision == "tf32") is on
            assert switches()[3] == found[3]
            assert torch.equal(model(x), true)
        assert switches() == found
        torch.set_float32_matmul_precision("highest")
        backends.mkldnn.matmul.fp32_precision = cpu


def test_precision_leaves_tf32_switched() -> None:
    model = Network()
    with tf32(False):
        precision(model, SGD(model.parameters()), "float32", tf32=True)
        assert torch.backends.cuda.matmul.allow_tf32
        precision(model, SGD(model.parameters()), "float32", tf32=False)
        assert not torch.backends.cuda.matmul.allow_tf32
