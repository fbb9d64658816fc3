"""scratch.py against PyTorch, against central differences, and in words."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise, product
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from fivestep import loop, scratch
from fivestep.loop import Moment, Step
from fivestep.scratch import Array, Layer, Loss, Parameter

ITERATIONS, SAMPLES, FEATURES = 200, 70, 5
ACTIVATIONS: dict[str, tuple[type[Layer], type[nn.Module]]] = {
    "relu": (scratch.ReLU, nn.ReLU),
    "tanh": (scratch.Tanh, nn.Tanh),
    "sigmoid": (scratch.Sigmoid, nn.Sigmoid),
}
MODELS = {"linear": ((), "relu")} | {
    f"{name}-{len(hidden)}": (hidden, name)
    for name, hidden in product(ACTIVATIONS, [(8,), (8, 6), (9, 8, 7)])
}


class LossPair(NamedTuple):
    ours: Callable[[Array, Array], Loss]
    theirs: Callable[..., torch.Tensor]
    targets: Callable[[np.random.Generator, int, int], Array]  # of so many rows and outputs


def numbers(rng: np.random.Generator, rows: int, outputs: int) -> Array:
    return rng.normal(size=(rows, outputs))


def classes(rng: np.random.Generator, rows: int, outputs: int) -> Array:
    return rng.integers(0, outputs, rows)


def truths(rng: np.random.Generator, rows: int, outputs: int) -> Array:
    return rng.integers(0, 2, (rows, outputs)).astype(float)


LOSSES = {
    "mse": LossPair(scratch.mse_loss, functional.mse_loss, numbers),
    "cross-entropy": LossPair(scratch.cross_entropy, functional.cross_entropy, classes),
    "binary": LossPair(
        scratch.binary_cross_entropy_with_logits,
        functional.binary_cross_entropy_with_logits,
        truths,
    ),
}


class OptimizerPair(NamedTuple):
    ours: Callable[[Iterable[Parameter]], scratch.Optimizer]
    theirs: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer]


def both(name: str, **options: Any) -> OptimizerPair:
    return OptimizerPair(
        partial(getattr(scratch, name), **options), partial(getattr(torch.optim, name), **options)
    )


OPTIMIZERS = {
    "sgd": both("SGD", lr=0.1),
    "momentum": both("SGD", lr=0.05, momentum=0.9),
    "adam": both("Adam", lr=0.01),
}


def both_models(hidden: tuple[int, ...], activation: str) -> tuple[Layer, nn.Module]:
    """Build the network twice, with PyTorch's weights in both."""
    torch.manual_seed(0)
    ours, theirs = ACTIVATIONS[activation]
    sizes = [FEATURES, *hidden, 3]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), theirs())]
    torch_model = nn.Sequential(*layers[:-1]).double()
    model = scratch.mlp(sizes, ours, seed=1)
    scratch.copy_from(torch_model, to=model)
    return model, torch_model


def both_batches(loss: LossPair) -> tuple[list[Any], list[Any]]:
    """Draw mini-batches of 16, the last of each epoch smaller, as arrays and as tensors."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(SAMPLES, FEATURES)), loss.targets(rng, SAMPLES, 3)
    epoch = [(x[i : i + 16], y[i : i + 16]) for i in range(0, SAMPLES, 16)]
    arrays = [epoch[k % len(epoch)] for k in range(ITERATIONS)]
    return arrays, [(torch.from_numpy(a), torch.from_numpy(b)) for a, b in arrays]


def run_out(moments: Iterable[Moment]) -> None:
    for _ in moments:
        pass


def deviation(ours: Layer, theirs: nn.Module, *, of: str = "value") -> float:
    """Measure max|a - b| / max|b| of each parameter tensor, and return the largest."""
    found: list[float] = []
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        truth: Any = b.detach() if of == "value" else b.grad
        assert getattr(a, of).shape == tuple(truth.shape)
        found.append(np.abs(getattr(a, of) - truth.numpy()).max() / np.abs(truth.numpy()).max())
    return max(found)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("model", MODELS)
def test_200_iterations_agree_with_pytorch_to_1e_12(model: str, loss: str, optimizer: str) -> None:
    ours, theirs = both_models(*MODELS[model])
    before = [p.value.copy() for p in ours.parameters()]
    arrays, tensors = both_batches(LOSSES[loss])
    our_run = scratch.train(
        ours, LOSSES[loss].ours, OPTIMIZERS[optimizer].ours(ours.parameters()), arrays
    )
    their_run = loop.train(
        theirs, LOSSES[loss].theirs, OPTIMIZERS[optimizer].theirs(theirs.parameters()), tensors
    )

    our_losses = [float(m.loss) for m in our_run if m.step is Step.UPDATE]
    their_losses = [m.loss.item() for m in their_run if m.step is Step.UPDATE]

    assert len(our_losses) == ITERATIONS
    np.testing.assert_allclose(our_losses, their_losses, rtol=1e-12, atol=0)
    assert deviation(ours, theirs) <= 1e-12
    assert all(
        not np.array_equal(p.value, b) for p, b in zip(ours.parameters(), before, strict=True)
    )


@pytest.mark.parametrize(
    "optimizer",
    [both("SGD"), both("Adam"), both("Adam", lr=0.02, betas=(0.5, 0.9), eps=1e-3)],
    ids=["defaults of SGD", "defaults of Adam", "other betas and eps"],
)
def test_the_options_and_their_defaults_mean_what_they_mean_in_pytorch(
    optimizer: OptimizerPair,
) -> None:
    ours, theirs = both_models((8,), "tanh")
    arrays, tensors = both_batches(LOSSES["mse"])
    run_out(scratch.train(ours, scratch.mse_loss, optimizer.ours(ours.parameters()), arrays))
    run_out(loop.train(theirs, functional.mse_loss, optimizer.theirs(theirs.parameters()), tensors))
    assert deviation(ours, theirs) <= 1e-12


def test_the_same_seed_trains_to_the_same_bits() -> None:
    def weights() -> list[bytes]:
        model = scratch.mlp([FEATURES, 8, 3], scratch.Tanh, seed=7)
        optimizer = scratch.Adam(model.parameters())
        run_out(scratch.train(model, scratch.mse_loss, optimizer, both_batches(LOSSES["mse"])[0]))
        return [p.value.tobytes() for p in model.parameters()]

    assert weights() == weights()


# derivatives


def central_difference(function: Callable[[], float], array: Array, width: float = 1e-5) -> Array:
    """Estimate the derivative by every element: (f(a + h) - f(a - h)) / 2h, an error of h²."""
    slope = np.zeros_like(array)
    for index in np.ndindex(*array.shape):
        middle = array[index]
        array[index] = middle + width
        above = function()
        array[index] = middle - width
        slope[index] = (above - function()) / (2 * width)
        array[index] = middle
    return slope


def away_from_zero(rng: np.random.Generator, *shape: int) -> Array:
    """Draw numbers that are at least 0.1 from ReLU's corner."""
    x = rng.normal(size=shape)
    return x + 0.1 * np.sign(x)


LAYERS: dict[str, Callable[[int, int], Layer]] = {
    "linear": lambda a, b: scratch.Linear(a, b, seed=3),
    "relu": lambda a, b: scratch.ReLU(),
    "tanh": lambda a, b: scratch.Tanh(),
    "sigmoid": lambda a, b: scratch.Sigmoid(),
    "sequential": lambda a, b: scratch.mlp([a, 4, b], scratch.Tanh, seed=3),
    "nested": lambda a, b: scratch.Sequential(
        scratch.ReLU(), scratch.mlp([a, b, b], scratch.Sigmoid, seed=3), scratch.Tanh()
    ),
}
sizes = st.integers(1, 5)


@pytest.mark.parametrize("name", LAYERS)
@settings(max_examples=20, deadline=None)
@given(batch=sizes, in_features=sizes, out_features=sizes, seed=st.integers(0, 1000))
def test_every_layer_has_the_derivative_of_central_differences(
    name: str, batch: int, in_features: int, out_features: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    layer, x = LAYERS[name](in_features, out_features), away_from_zero(rng, batch, in_features)
    weighting = rng.normal(
        size=layer(x).shape
    )  # so that L = Σ weighting · y, and dL/dy = weighting

    def loss() -> float:
        return float((weighting * layer.forward(x)).sum())

    close = partial(np.testing.assert_allclose, rtol=1e-6, atol=1e-8)
    close(layer.backward(weighting), central_difference(loss, x))
    for p in layer.parameters():
        close(p.grad, central_difference(loss, p.value))


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=20, deadline=None)
@given(batch=sizes, outputs=sizes, seed=st.integers(0, 1000))
def test_every_loss_has_the_gradient_of_central_differences(
    name: str, batch: int, outputs: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    prediction = 3 * rng.normal(size=(batch, outputs))
    targets = LOSSES[name].targets(rng, batch, outputs)

    gradient = LOSSES[name].ours(prediction, targets).gradient
    estimate = central_difference(lambda: LOSSES[name].ours(prediction, targets), prediction)
    np.testing.assert_allclose(gradient, estimate, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape", [(), (6,), (4, 1), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("name", ["mse", "binary"])
def test_losses_of_equal_shapes_take_any_shape(name: str, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    prediction, targets = rng.normal(size=shape), rng.uniform(size=shape)
    prediction, targets = np.asarray(prediction), np.asarray(targets)
    tensor = torch.from_numpy(prediction).requires_grad_()
    theirs = LOSSES[name].theirs(tensor, torch.from_numpy(targets))
    theirs.backward()  # pyright: ignore[reportUnknownMemberType]
    ours = LOSSES[name].ours(prediction, targets)
    assert float(ours) == pytest.approx(theirs.item(), rel=1e-14)
    assert tensor.grad is not None
    np.testing.assert_allclose(ours.gradient, tensor.grad.numpy(), rtol=1e-13)


def test_relu_has_slope_zero_in_its_corner_as_in_pytorch() -> None:
    relu, x = scratch.ReLU(), np.array([[-1.0, -0.0, 0.0, 2.0]])
    relu(x)
    assert relu.backward(np.ones_like(x)).tolist() == [[0, 0, 0, 1]]


# extreme logits

EXTREMES = np.array(
    [
        [1e3, -1e3, 0.0],
        [-1e3, -1e3, 1e3],
        [1e3, 1e3, 1e3],
        [-1e3, 40.0, -40.0],
        [800.0, 1e3, -750.0],
    ]
)


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("cross-entropy", np.array([0, 0, 1, 2, 0])),
        ("cross-entropy", np.array([1, 2, 0, 1, 1])),
        ("binary", np.zeros((5, 3))),
        ("binary", np.ones((5, 3))),
        ("binary", np.full((5, 3), 0.25)),
        ("binary", (EXTREMES > 0).astype(float)),
    ],
)
def test_extreme_logits_neither_overflow_nor_lose_digits(name: str, targets: Array) -> None:
    tensor = torch.from_numpy(EXTREMES).requires_grad_()
    theirs = LOSSES[name].theirs(tensor, torch.from_numpy(targets))
    theirs.backward()  # pyright: ignore[reportUnknownMemberType]
    ours = LOSSES[name].ours(EXTREMES.copy(), targets)
    assert np.isfinite(ours)
    assert float(ours) == pytest.approx(theirs.item(), rel=1e-14)
    assert tensor.grad is not None
    np.testing.assert_allclose(ours.gradient, tensor.grad.numpy(), rtol=1e-12, atol=1e-16)


def test_sigmoid_keeps_its_digits_at_both_ends() -> None:
    x = np.array([-1e3, -700.0, -40.0, -1e-9, 0.0, 1e-9, 40.0, 1e3])
    truth = torch.sigmoid(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(scratch.sigmoid(x), truth, rtol=1e-14, atol=0)


# zero_grad


class Forgetful(scratch.SGD):
    """An optimizer whose ``zero_grad`` was forgotten."""

    def zero_grad(self) -> None:
        pass


class ForgetfulTorch(torch.optim.SGD):
    def zero_grad(self, set_to_none: bool = True) -> None:
        pass


def test_without_zero_grad_the_gradients_of_two_backwards_add_up() -> None:
    model, _ = both_models((8,), "tanh")
    arrays, _ = both_batches(LOSSES["mse"])
    once: list[list[Array]] = []
    for inputs, targets in arrays[:2]:
        scratch.SGD(model.parameters()).zero_grad()
        model.backward(scratch.mse_loss(model(inputs), targets).gradient)
        once.append([p.grad.copy() for p in model.parameters()])

    scratch.SGD(model.parameters()).zero_grad()
    for inputs, targets in arrays[:2]:
        model.backward(scratch.mse_loss(model(inputs), targets).gradient)

    for p, first, second in zip(model.parameters(), *once, strict=True):
        np.testing.assert_array_equal(p.grad, first + second)
        assert not np.allclose(p.grad, second)


def test_forgetting_zero_grad_goes_as_wrong_as_in_pytorch() -> None:
    model, torch_model = both_models((8,), "tanh")
    right, _ = both_models((8,), "tanh")
    arrays, tensors = both_batches(LOSSES["mse"])
    ours = scratch.train(
        model, scratch.mse_loss, Forgetful(model.parameters(), lr=0.01), arrays[:20]
    )
    theirs = loop.train(
        torch_model,
        functional.mse_loss,
        ForgetfulTorch(torch_model.parameters(), lr=0.01),
        tensors[:20],
    )
    for mine, yours in zip(ours, theirs, strict=True):
        if mine.step is Step.BACKWARD:
            assert deviation(model, torch_model, of="grad") <= 1e-12
            assert float(mine.loss) == pytest.approx(yours.loss.item(), rel=1e-12)
    sgd = scratch.SGD(right.parameters(), lr=0.01)
    run_out(scratch.train(right, scratch.mse_loss, sgd, arrays[:20]))
    assert deviation(model, torch_model) <= 1e-12
    assert deviation(right, torch_model) > 0.01


def test_zero_grad_leaves_the_gradients_that_somebody_kept() -> None:
    model, _ = both_models((), "relu")
    model.backward(scratch.mse_loss(model(np.ones((2, 5))), np.zeros((2, 3))).gradient)
    kept = [p.grad for p in model.parameters()]
    scratch.SGD(model.parameters()).zero_grad()
    assert all(g.any() for g in kept)
    assert not any(p.grad.any() for p in model.parameters())


# the pieces by themselves


def test_a_loss_is_a_float_with_a_gradient() -> None:
    loss = scratch.mse_loss(np.array([1.0, 3.0]), np.array([0.0, 0.0]))
    assert (float(loss), loss.item(), f"{loss:.2f}", loss < 6) == (5.0, 5.0, "5.00", True)
    assert type(loss.item()) is float
    assert loss.gradient.tolist() == [1.0, 3.0]


def test_looking_with_forward_changes_nothing() -> None:
    def gradients(look: bool) -> list[bytes]:
        model = scratch.mlp([FEATURES, 8, 3], scratch.Sigmoid, seed=0)
        optimizer = scratch.SGD(model.parameters(), lr=0.1)
        for _ in scratch.train(
            model, scratch.mse_loss, optimizer, both_batches(LOSSES["mse"])[0][:5]
        ):
            if look:
                model.forward(np.ones((16, FEATURES)))
        return [p.grad.tobytes() + p.value.tobytes() for p in model.parameters()]

    assert gradients(look=True) == gradients(look=False)


def test_a_model_starts_as_pytorch_starts_one() -> None:
    weight, bias = scratch.Linear(400, 300, seed=0).parameters()
    bound = 400**-0.5
    assert weight.value.shape == (300, 400)
    for value in (weight.value, bias.value):
        assert 0.98 * bound < np.abs(value).max() <= bound
    assert np.std(weight.value) == pytest.approx(bound / 3**0.5, rel=0.01)


def test_a_seed_repeats_a_model_and_draws_every_layer_anew() -> None:
    first, second, other = (scratch.mlp([3, 3, 3], seed=seed) for seed in (0, 0, 1))
    values = [[p.value for p in model.parameters()] for model in (first, second, other)]
    assert all(np.array_equal(a, b) for a, b in zip(values[0], values[1], strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(values[0], values[2], strict=True))
    assert not np.array_equal(values[0][0], values[0][2])


def test_copy_from_takes_the_numbers_and_not_the_memory() -> None:
    theirs = nn.Linear(2, 1)  # float32: widened exactly
    model = scratch.Linear(2, 1, seed=0)
    scratch.copy_from(theirs, to=model)
    assert model.weight.value.dtype == np.float64
    assert model.weight.value.tolist() == theirs.weight.tolist()
    model.weight.value += 1
    assert model.weight.value.tolist() != theirs.weight.tolist()


def test_importing_the_twin_imports_no_torch() -> None:
    code = "import sys, fivestep.scratch; print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
