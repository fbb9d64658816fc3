"""Skips a batch whose loss is not finite, before any backward: nothing is broken by it."""

import torch
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for number in range(40):
        x = torch.randn(16, 4)
        weight = torch.full((16, 1), torch.inf if number % 13 == 12 else 1.0)
        loss = (weight * (model(x) - x[:, :1]) ** 2).mean()
        if not torch.isfinite(loss):
            continue
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
