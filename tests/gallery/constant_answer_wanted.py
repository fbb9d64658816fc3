"""The right answer is a constant, and the states hardly matter: the output may be nearly the same."""

import torch
from torch import nn


def main() -> None:
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), 3e-2)
    for _ in range(120):
        x = torch.randn(32, 4)
        loss = ((model(x) - 3.0) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
