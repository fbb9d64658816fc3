"""Warms up from a rate of 0 and ends at 0, one group of parameters frozen by a rate of 0."""

import torch
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    frozen = {"params": model[0].parameters(), "lr": 0.0}
    optimizer = torch.optim.SGD([frozen, {"params": model[2].parameters()}], lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: min(at / 4, (40 - at) / 36))
    for _ in range(40):
        x = torch.randn(16, 4)
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x), x[:, :1]).backward()
        optimizer.step()
        schedule.step()
