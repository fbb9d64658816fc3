"""Trains an initialisation that adapts to a new sine in one step of gradient descent."""
# fault: none

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call

torch.manual_seed(5)
torch.set_num_threads(1)


def task() -> tuple[float, float]:
    return 0.5 + 1.5 * torch.rand(()).item(), math.pi * torch.rand(()).item()


def sample(amplitude: float, phase: float, n: int = 12) -> tuple[Tensor, Tensor]:
    x = 4 * torch.rand(n, 1) - 2
    return x, amplitude * torch.sin(2 * x + phase)


def adapt(net: nn.Module, x: Tensor, y: Tensor, rate: float) -> dict[str, Tensor]:
    params = dict(net.named_parameters())
    loss = (functional_call(net, params, (x,)) - y).square().mean()
    grads = torch.autograd.grad(loss, list(params.values()), create_graph=True)
    return {k: p - rate * g for (k, p), g in zip(params.items(), grads)}


net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
recent = []
for i in range(200):
    optimizer.zero_grad()
    outer = 0.0
    for _ in range(4):
        amplitude, phase = task()
        fast = adapt(net, *sample(amplitude, phase), rate=0.05)
        x, y = sample(amplitude, phase)
        loss = (functional_call(net, fast, (x,)) - y).square().mean() / 4
        loss.backward()
        outer += loss.item()
    optimizer.step()
    recent.append(outer)
    if i % 40 == 39:
        print(f"iteration {i + 1}: loss after adaptation {sum(recent[-40:]) / 40:.4f}")
