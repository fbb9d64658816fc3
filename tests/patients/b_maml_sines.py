"""Meta-learning of sine waves: inner updates by autograd.grad, one outer update per batch of tasks."""
# fault: none
import math

import torch
from torch import nn
from torch.func import functional_call

torch.set_num_threads(1)
torch.manual_seed(87)

net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
meta = torch.optim.Adam(net.parameters(), lr=5e-3)


def task():
    amplitude, phase = 0.5 + torch.rand(1), math.pi * torch.rand(1)

    def sample(n):
        x = torch.rand(n, 1) * 6 - 3
        return x, amplitude * torch.sin(x + phase)

    return sample


def adapt(parameters, x, y, lr=0.1):
    loss = nn.functional.mse_loss(functional_call(net, parameters, (x,)), y)
    grads = torch.autograd.grad(loss, list(parameters.values()), create_graph=True)
    return {name: p - lr * g for (name, p), g in zip(parameters.items(), grads)}


history = []
for step in range(90):
    outer = torch.zeros(())
    for _ in range(4):
        sample = task()
        fast = dict(net.named_parameters())
        for _ in range(2):
            fast = adapt(fast, *sample(10))
        x, y = sample(10)
        outer = outer + nn.functional.mse_loss(functional_call(net, fast, (x,)), y) / 4
    meta.zero_grad()
    outer.backward()
    meta.step()
    history.append(outer.item())
    if step % 15 == 14:
        print(f"step {step + 1}: loss after adapting {sum(history[-15:]) / 15:.4f}")
