"""A trial run that ends within a long warm-up: the first rates are tiny on purpose."""

import torch
from torch import nn
from torch.nn import functional as fn


def main() -> None:
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (step + 1) / 10_000)
    for _ in range(40):
        targets = torch.randint(4, (16,))
        loss = fn.cross_entropy(model(torch.randn(16, 12) + targets[:, None]), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
