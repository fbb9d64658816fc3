"""Iris with torch.func: the weights are a plain dict that each step replaces."""

# fault: none
from functools import partial

import torch
from sklearn.datasets import load_iris
from torch import Tensor
from torch.func import grad_and_value

torch.set_num_threads(1)

Params = dict[str, Tensor]


def init(sizes: tuple[int, int, int]) -> Params:
    a, b, c = sizes
    return {
        "w1": torch.randn(a, b) * (2 / a) ** 0.5,
        "b1": torch.zeros(b),
        "w2": torch.randn(b, c) * (1 / b) ** 0.5,
        "b2": torch.zeros(c),
    }


def forward(params: Params, x: Tensor) -> Tensor:
    h = torch.einsum("bi,io->bo", x, params["w1"]) + params["b1"]
    return torch.einsum("bi,io->bo", h.clamp(min=0), params["w2"]) + params["b2"]


def loss_fn(params: Params, x: Tensor, y: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(forward(params, x), y)


def step(params: Params, x: Tensor, y: Tensor, lr: float) -> tuple[Params, float]:
    grads, loss = grad_and_value(loss_fn)(params, x, y)
    return {k: p - lr * grads[k] for k, p in params.items()}, loss.item()


torch.manual_seed(0)
iris = load_iris()
x = torch.tensor(iris.data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(iris.target)
update = partial(step, lr=0.2)
params = init((4, 24, 3))
for i in range(120):
    idx = torch.randint(0, 150, (32,))
    params, loss = update(params, x[idx], y[idx])
    if i % 30 == 29:
        acc = (forward(params, x).argmax(1) == y).float().mean().item()
        print(f"{i} loss {loss:.4f} accuracy {acc:.3f}")
