"""Fits a sum of two decays to a synthetic measurement with L-BFGS."""
# fault: missing-backward

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(3)

t = torch.linspace(0, 5, 120)
signal = 2.0 * torch.exp(-0.6 * t) + 1.0 * torch.exp(-3.0 * t) + 0.01 * torch.randn(120)

theta = nn.ParameterDict(
    {
        "amplitude": nn.Parameter(torch.tensor([1.0, 1.0])),
        "log_rate": nn.Parameter(torch.tensor([-1.0, 0.5])),
    }
)
optimizer = torch.optim.LBFGS(theta.parameters(), lr=0.5, max_iter=10)


def curve():
    rate = theta["log_rate"].exp()
    return torch.einsum("k,kt->t", theta["amplitude"], torch.exp(-rate[:, None] * t))


def closure():
    optimizer.zero_grad()
    return ((curve() - signal) ** 2).mean()


for sweep in range(12):
    loss = optimizer.step(closure)
    if sweep % 3 == 0:
        print(f"sweep {sweep}: {loss.item():.6f}")
print({k: [round(v, 3) for v in p.tolist()] for k, p in theta.items()})
