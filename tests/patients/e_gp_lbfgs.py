"""Fits the hyper-parameters of a Gaussian process by L-BFGS in double precision."""
# fault: none

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(9)

x = torch.sort(6 * torch.rand(60)).values
y = torch.sin(2 * x) + 0.1 * torch.randn(60)
log = nn.ParameterDict({k: nn.Parameter(torch.zeros(())) for k in ("length", "scale", "noise")})
optimizer = torch.optim.LBFGS(log.parameters(), lr=0.3, max_iter=8, line_search_fn="strong_wolfe")


def nll():
    d = (x[:, None] - x[None, :]) / log["length"].exp()
    k = (2 * log["scale"]).exp() * torch.exp(-0.5 * d**2)
    k = k + ((2 * log["noise"]).exp() + 1e-6) * torch.eye(60)
    chol = torch.linalg.cholesky(k)
    alpha = torch.cholesky_solve(y[:, None], chol).squeeze(1)
    return 0.5 * y @ alpha + chol.diagonal().log().sum() + 30 * math.log(2 * math.pi)


def closure():
    optimizer.zero_grad()
    loss = nll()
    loss.backward()
    return loss


for i in range(5):
    loss = optimizer.step(closure)
    if i % 2 == 0:
        print(f"{i}: {loss.item():.3f}")
print({k: round(v.exp().item(), 3) for k, v in log.items()})
