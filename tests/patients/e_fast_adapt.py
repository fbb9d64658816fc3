"""Meta-learns an initial network that adapts to a sine wave in one gradient step."""
# fault: none

import torch
from torch import nn
from torch.func import functional_call

torch.set_num_threads(1)
torch.manual_seed(11)

net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
meta = torch.optim.Adam(net.parameters(), lr=3e-3)


def task():
    a, p = 0.5 + 1.5 * torch.rand(()), 3.14 * torch.rand(())

    def sample(n):
        x = 6 * torch.rand(n, 1) - 3
        return x, a * torch.sin(x + p)

    return sample


for step in range(120):
    total = 0.0
    meta.zero_grad()
    for _ in range(4):
        sample = task()
        x, y = sample(10)
        weights = dict(net.named_parameters())
        inner = ((functional_call(net, weights, (x,)) - y) ** 2).mean()
        grads = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
        fast = {k: w - 0.05 * g for (k, w), g in zip(weights.items(), grads)}
        x, y = sample(20)
        outer = ((functional_call(net, fast, (x,)) - y) ** 2).mean() / 4
        outer.backward()
        total += outer.item()
    meta.step()
    if step % 20 == 0:
        print(f"{step}: after adaptation {total:.4f}")
