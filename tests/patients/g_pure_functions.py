"""Trains an MLP on wine in a functional style, its weights in a dict of tensors."""
# fault: none

import torch
from sklearn.datasets import load_wine
from torch import Tensor
from torch.func import grad_and_value
from torch.nn import functional as F

Params = dict[str, Tensor]


def init(sizes: list[int]) -> Params:
    params: Params = {}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        params[f"w{i}"] = torch.randn(a, b) / a**0.5
        params[f"b{i}"] = torch.zeros(b)
    return params


def forward(params: Params, x: Tensor) -> Tensor:
    depth = len(params) // 2
    for i in range(depth):
        x = x @ params[f"w{i}"] + params[f"b{i}"]
        if i < depth - 1:
            x = torch.relu(x)
    return x


def loss_fn(params: Params, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(forward(params, x), y)


def sgd(params: Params, grads: Params, rate: float) -> Params:
    return {k: p - rate * grads[k] for k, p in params.items()}


torch.manual_seed(9)
torch.set_num_threads(1)
data, target = load_wine(return_X_y=True)
x = torch.tensor(data, dtype=torch.float32)
x, y = (x - x.mean(0)) / x.std(0), torch.tensor(target)
params = init([13, 24, 3])
step = grad_and_value(loss_fn)
for i in range(150):
    rows = torch.randint(0, len(x), (32,))
    grads, loss = step(params, x[rows], y[rows])
    params = sgd(params, grads, rate=0.1)
    if i % 30 == 0:
        print(f"iteration {i}: loss {loss.item():.4f}")
print("accuracy", (forward(params, x).argmax(1) == y).float().mean().item())
