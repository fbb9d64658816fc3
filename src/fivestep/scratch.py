"""The five steps once more, in NumPy, with every derivative written by hand.

    prediction = model(inputs)                 # forward
    loss = loss_fn(prediction, targets)        # loss
    optimizer.zero_grad()                      # zero_grad
    model.backward(loss.gradient)              # backward
    optimizer.step()                           # update

Read it beside ``loop.py``: the same five paragraphs, and backward is where they part. PyTorch notes
every operation of the forward pass, so there the loss finds its own way back; here we walk it.

In the formulas L is the loss, x what goes into a layer, y what comes out, g the gradient dL/dy.
"""
# ruff: noqa: D102, RUF002, RUF003 (Layer and Optimizer document their methods once; σ is no o)

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from fivestep.arguments import pairs
from fivestep.arrays import (
    Array,
    need_classes,
    need_latest,
    need_matching,
    need_rows,
    need_same_shape,
)
from fivestep.loop import Moment, Step

Seed = int | np.random.Generator  # a generator goes on drawing, so that no two layers are alike


def train(
    model: Layer,
    loss_fn: Callable[[Array, Array], Loss],
    optimizer: Optimizer,
    batches: Iterable[Any],
) -> Iterator[Moment]:
    """Train ``model`` on ``batches`` of arrays and pause after each of the five steps.

    The arguments, the moments and the errors are those of ``fivestep.loop.train``.
    """
    for iteration, (inputs, targets) in enumerate(pairs(batches), start=1):
        # 1. forward: what does the model say?
        prediction = model(inputs)
        yield Moment(Step.FORWARD, iteration, inputs, targets, prediction, None)

        # 2. loss: how wrong is it?
        loss = loss_fn(prediction, targets)
        yield Moment(Step.LOSS, iteration, inputs, targets, prediction, loss)

        # 3. zero_grad: backward adds to the gradients that it finds, so it must find none
        optimizer.zero_grad()
        yield Moment(Step.ZERO_GRAD, iteration, inputs, targets, prediction, loss)

        # 4. backward: which way is down, for every parameter?
        model.backward(loss.gradient)
        yield Moment(Step.BACKWARD, iteration, inputs, targets, prediction, loss)

        # 5. update: a small step that way
        optimizer.step()
        yield Moment(Step.UPDATE, iteration, inputs, targets, prediction, loss)


class Parameter:
    """A weight and its gradient, in one box that the layer and the optimizer share.

    ``grad`` is PyTorch's name. ``value`` has none there, where the parameter is the tensor itself.
    """

    def __init__(self, value: Array) -> None:
        self.value = value
        self.grad = np.zeros_like(value)


class Layer(ABC):
    """A function that can be walked backwards.

    Calling a layer remembers what ``backward`` will need, for the latest call only.
    ``layer.forward(x)`` remembers nothing: use it to look at a model while its loop is paused.
    """

    def __call__(self, x: Array) -> Array:
        self.x = x
        self.y = self.forward(x)
        return self.y

    @abstractmethod
    def forward(self, x: Array) -> Array:
        """Compute y from x."""

    @abstractmethod
    def backward(self, g: Array) -> Array:
        """Turn g = dL/dy into dL/dx, and add dL/dw to the gradient of every parameter w."""

    def parameters(self) -> list[Parameter]:
        """List the parameters, in PyTorch's order."""
        return []


class Linear(Layer):
    """A weighted sum for every output, ``y = x Wᵀ + b``: x (batch, in), W (out, in), b (out,).

    W and b start uniform in ±1/√in, as in PyTorch. Inputs of another shape raise ``ValueError``.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    def __init__(self, in_features: int, out_features: int, *, seed: Seed) -> None:
        rng, bound = np.random.default_rng(seed), in_features**-0.5
        self.weight = Parameter(rng.uniform(-bound, bound, (out_features, in_features)))
        self.bias = Parameter(rng.uniform(-bound, bound, out_features))

    def forward(self, x: Array) -> Array:
        need_rows(x, self.weight.value.shape[1])
        return x @ self.weight.value.T + self.bias.value

    def backward(self, g: Array) -> Array:
        need_latest(g, self.y)
        self.weight.grad += g.T @ self.x  # dL/dW = gᵀ x
        self.bias.grad += g.sum(axis=0)  # dL/db = Σ g, over the batch
        return g @ self.weight.value  # dL/dx = g W

    def parameters(self) -> list[Parameter]:
        return [self.weight, self.bias]


class ReLU(Layer):
    """``y = max(x, 0)``."""

    def forward(self, x: Array) -> Array:
        return np.maximum(x, 0)

    def backward(self, g: Array) -> Array:
        return g * (self.x > 0)  # dy/dx = 1 if x > 0, else 0


class Tanh(Layer):
    """``y = tanh x``."""

    def forward(self, x: Array) -> Array:
        return np.tanh(x)

    def backward(self, g: Array) -> Array:
        return g * (1 - self.y**2)  # dy/dx = 1 - tanh² x


class Sigmoid(Layer):
    """``y = σ(x) = 1 / (1 + e⁻ˣ)``."""

    def forward(self, x: Array) -> Array:
        return sigmoid(x)

    def backward(self, g: Array) -> Array:
        return g * self.y * (1 - self.y)  # dy/dx = σ (1 - σ)


class Sequential(Layer):
    """Layers one after the other; backwards, the chain rule: dL/dx = dL/dy · dy/dx, last first."""

    def __init__(self, *layers: Layer) -> None:
        self.layers = layers

    def __call__(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer(x)
        return x

    def forward(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, g: Array) -> Array:
        for layer in reversed(self.layers):
            g = layer.backward(g)
        return g

    def parameters(self) -> list[Parameter]:
        return [parameter for layer in self.layers for parameter in layer.parameters()]


def mlp(sizes: Sequence[int], activation: Callable[[], Layer] = ReLU, *, seed: Seed) -> Sequential:
    """Make a multi-layer perceptron, ``mlp([2, 8, 1], Tanh, seed=0)``; of two sizes, a line."""
    rng = np.random.default_rng(seed)
    layers: list[Layer] = []
    for in_features, out_features in pairwise(sizes):
        layers += [Linear(in_features, out_features, seed=rng), activation()]
    return Sequential(*layers[:-1])


class Loss(float):
    """A number that knows its slope: ``gradient`` is dL/dprediction, shaped like the prediction."""

    gradient: Array

    def __new__(cls, value: float | np.floating[Any], gradient: Array) -> Self:
        loss = super().__new__(cls, value)
        loss.gradient = gradient
        return loss

    def item(self) -> float:
        """Return the plain number, as a tensor's ``item`` does."""
        return float(self)


def mse_loss(prediction: Array, targets: Array) -> Loss:
    """Average the squared error: p and t of any one shape. Two shapes raise ``ValueError``."""
    need_same_shape(prediction, targets)
    error = prediction - targets
    # L = mean (p - t)²   =>   dL/dp = 2 (p - t) / n
    return Loss(np.mean(error**2), 2 * error / error.size)


def cross_entropy(logits: Array, targets: Array) -> Loss:
    """Average -ln of the probability of the right class: z (batch, classes), integer t (batch,).

    Raises:
        ValueError: the shapes do not fit, or a target is no class.
        TypeError: the targets are not integers.
    """
    need_classes(logits, targets)
    rows = np.arange(len(targets))
    # ln p = ln softmax(z) = z - ln Σ eᶻ; less the largest z, the same, and eᶻ never overflows
    z = logits - logits.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    # L = -mean ln p[t]   =>   dL/dz = (p - onehot(t)) / batch
    gradient = np.exp(log_p)
    gradient[rows, targets] -= 1
    return Loss(-log_p[rows, targets].mean(), gradient / len(targets))


def binary_cross_entropy_with_logits(logits: Array, targets: Array) -> Loss:
    """Average -ln of the probability of the truth: z and t (0 to 1) of one shape.

    Two shapes raise ``ValueError``.
    """
    need_same_shape(logits, targets)
    z, t = logits, targets
    # -t ln σ(z) - (1 - t) ln(1 - σ(z)) = max(z, 0) - z t + ln(1 + e^-|z|), where nothing overflows
    value = np.mean(np.maximum(z, 0) - z * t + np.log1p(np.exp(-np.abs(z))))
    # dL/dz = (σ(z) - t) / n
    return Loss(value, (sigmoid(z) - t) / z.size)


def sigmoid(x: Array) -> Array:
    """Compute σ(x) from e^-|x|, which never overflows: 1/(1 + e⁻ˣ) = eˣ/(1 + eˣ)."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


class Optimizer(ABC):
    """What turns gradients into new weights: w the weight, g its gradient, η the learning rate."""

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters = list(parameters)
        self.lr = lr

    def zero_grad(self) -> None:
        """Empty every gradient, because ``backward`` adds to what it finds."""
        for p in self.parameters:
            p.grad = np.zeros_like(p.value)

    @abstractmethod
    def step(self) -> None:
        """Change every weight in place."""

    def _state(self) -> list[Array]:
        return [np.zeros_like(p.value) for p in self.parameters]


class SGD(Optimizer):
    """Gradient descent, with PyTorch's form of momentum.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """

    def __init__(
        self, parameters: Iterable[Parameter], *, lr: float = 1e-3, momentum: float = 0.0
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = momentum
        self.velocities = self._state()

    def step(self) -> None:
        for p, v in zip(self.parameters, self.velocities, strict=True):
            v[...] = self.momentum * v + p.grad  # v = μ v + g
            p.value -= self.lr * v  # w = w - η v


class Adam(Optimizer):
    """Steps of about η each way, whatever the size of the gradient.

    Source: Kingma and Ba 2015, https://arxiv.org/abs/1412.6980, algorithm 1
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.updates = betas, eps, 0
        self.means, self.squares = self._state(), self._state()

    def step(self) -> None:
        self.updates += 1
        b1, b2 = self.betas
        for p, m, s in zip(self.parameters, self.means, self.squares, strict=True):
            m[...] = b1 * m + (1 - b1) * p.grad  # m = β₁ m + (1 - β₁) g
            s[...] = b2 * s + (1 - b2) * p.grad**2  # s = β₂ s + (1 - β₂) g²
            # both began at zero and are too small by these factors: m̂ = m/(1 - β₁ᵏ), ŝ likewise
            mean, square = m / (1 - b1**self.updates), s / (1 - b2**self.updates)
            p.value -= self.lr * mean / (np.sqrt(square) + self.eps)  # w = w - η m̂ / (√ŝ + ε)


def copy_from(torch_module: Any, *, to: Layer) -> None:
    """Start from the same weights: copy a PyTorch module's parameters, in order, into ``to``.

    Shapes that do not match one by one raise ``ValueError``.
    """
    theirs = [p.detach().cpu().double().numpy() for p in torch_module.parameters()]
    need_matching([p.shape for p in theirs], [p.value.shape for p in to.parameters()])
    for parameter, array in zip(to.parameters(), theirs, strict=True):
        parameter.value[...] = array
