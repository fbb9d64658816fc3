"""Meta-learn a start for sine regression with one inner gradient step per task."""
# fault: none

import math

import torch
from torch import nn
from torch.func import functional_call

torch.set_num_threads(1)
torch.manual_seed(73)

net = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
meta_optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
INNER_LR, TASKS = 0.05, 4


def task():
    amplitude, phase = 0.5 + 1.5 * torch.rand(()), math.pi * torch.rand(())

    def sample(n):
        x = torch.rand(n, 1) * 6 - 3
        return x, amplitude * torch.sin(x + phase)

    return sample


history = []
for it in range(120):
    meta_optimizer.zero_grad()
    before = after = 0.0
    for _ in range(TASKS):
        sample = task()
        x, y = sample(12)
        params = dict(net.named_parameters())
        support = nn.functional.mse_loss(functional_call(net, params, (x,)), y)
        grads = torch.autograd.grad(support, list(params.values()), create_graph=True)
        adapted = {k: p - INNER_LR * g for (k, p), g in zip(params.items(), grads, strict=True)}
        x, y = sample(12)
        query = nn.functional.mse_loss(functional_call(net, adapted, (x,)), y) / TASKS
        query.backward()
        before += support.item() / TASKS
        after += query.item()
    meta_optimizer.step()
    history.append(after)
    if it % 30 == 29:
        print(f"it {it + 1}: before {before:.3f} after {after:.3f}")
print(f"first {sum(history[:10]) / 10:.3f} last {sum(history[-10:]) / 10:.3f}")
