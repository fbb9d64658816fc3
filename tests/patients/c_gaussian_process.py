"""Hyper-parameters of a Gaussian process by LBFGS on the exact marginal likelihood."""

# fault: none
import math

import torch

torch.set_num_threads(1)
torch.manual_seed(123)
torch.set_default_dtype(torch.float64)

x = torch.linspace(0, 1, 40)[:, None]
y = torch.sin(2 * math.pi * x).squeeze(1) + 0.1 * torch.randn(40)

log_length = torch.nn.Parameter(torch.tensor(0.0))
log_scale = torch.nn.Parameter(torch.tensor(0.0))
log_noise = torch.nn.Parameter(torch.tensor(-1.0))
optimizer = torch.optim.LBFGS(
    [log_length, log_scale, log_noise], max_iter=8, line_search_fn="strong_wolfe"
)


def negative_log_likelihood():
    distance = (x - x.T) / log_length.exp()
    kernel = log_scale.exp() ** 2 * torch.exp(-0.5 * distance**2)
    kernel = kernel + (log_noise.exp() ** 2 + 1e-5) * torch.eye(40)
    chol = torch.linalg.cholesky(kernel)
    alpha = torch.cholesky_solve(y[:, None], chol).squeeze(1)
    return 0.5 * y @ alpha + chol.diagonal().log().sum() + 20 * math.log(2 * math.pi)


def closure():
    optimizer.zero_grad()
    loss = negative_log_likelihood()
    loss.backward()
    return loss


for step in range(10):
    loss = optimizer.step(closure)
    print(step, round(loss.item(), 3))
print("noise", log_noise.exp().item(), "length", log_length.exp().item())
