"""Trains an initialisation that fits any sine in one inner step, parameters carried by hand."""

# fault: none
import math

import torch
from torch import Tensor

torch.set_num_threads(1)
torch.manual_seed(27)

Params = dict[str, Tensor]


def initial(width: int = 40) -> Params:
    shapes = {
        "w1": (1, width),
        "b1": (width,),
        "w2": (width, width),
        "b2": (width,),
        "w3": (width, 1),
        "b3": (1,),
    }
    params = {}
    for name, shape in shapes.items():
        scale = 1 / math.sqrt(shape[0]) if len(shape) == 2 else 0.5
        params[name] = (scale * torch.randn(shape)).requires_grad_(True)
    return params


def forward(params: Params, x: Tensor) -> Tensor:
    hidden = torch.tanh(x @ params["w1"] + params["b1"])
    hidden = torch.tanh(hidden @ params["w2"] + params["b2"])
    return hidden @ params["w3"] + params["b3"]


def sample_task() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    amplitude, phase = 0.5 + 1.5 * torch.rand(1), math.pi * torch.rand(1)
    x = 6 * torch.rand(20, 1) - 3
    y = amplitude * torch.sin(x + phase)
    return x[:10], y[:10], x[10:], y[10:]


def adapt(params: Params, x: Tensor, y: Tensor, rate: float = 0.1) -> Params:
    loss = (forward(params, x) - y).square().mean()
    grads = torch.autograd.grad(loss, list(params.values()), create_graph=True)
    return {name: p - rate * g for (name, p), g in zip(params.items(), grads)}


meta = initial()
optimizer = torch.optim.Adam(meta.values(), lr=1e-2)
curve = []
for step in range(120):
    optimizer.zero_grad()
    total = 0.0
    for _ in range(4):
        support_x, support_y, query_x, query_y = sample_task()
        adapted = adapt(meta, support_x, support_y)
        loss = (forward(adapted, query_x) - query_y).square().mean() / 4
        loss.backward()
        total += loss.item()
    optimizer.step()
    curve.append(total)
print(f"{sum(curve[:10]) / 10:.3f} -> {sum(curve[-10:]) / 10:.3f}")
assert sum(curve[-10:]) < 0.6 * sum(curve[:10])
