"""One network takes two tasks in turn: each gradient pulls against the last, and that is meant."""

import torch
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for step in range(40):
        x = torch.randn(16, 4)
        wanted = (1.0 if step % 2 else -0.5) * x[:, :1]
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), wanted).backward()
        optimizer.step()
