"""Fits decay times from curves: the network predicts the logarithm of the time."""
# fault: nonfinite-input
# missed: the targets of a loss written by hand are not heard: it is said that the loss is not finite

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(40)
rng = np.random.default_rng(40)


def measure(n):
    tau = rng.gamma(2.0, 0.5, n)
    tau[rng.random(n) < 0.02] = -1.0
    t = np.linspace(0, 3, 25)
    curves = np.exp(-t / np.abs(tau)[:, None]) + rng.normal(0, 0.02, (n, 25))
    with np.errstate(invalid="ignore"):
        target = np.log(tau)
    return curves.astype(np.float32), target.astype(np.float32)


def stream(curves, target, size):
    while True:
        rows = rng.permutation(len(curves))[:size]
        yield torch.from_numpy(curves[rows]), torch.from_numpy(target[rows])


net = nn.Sequential(nn.Linear(25, 40), nn.SiLU(), nn.Linear(40, 1), nn.Flatten(0))
optimizer = torch.optim.Adagrad(net.parameters(), lr=0.02)
for step, (x, y) in zip(range(80), stream(*measure(800), 64)):
    error = net(x) - y
    loss = torch.log(torch.cosh(error)).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 19:
        print(step + 1, loss.item())
