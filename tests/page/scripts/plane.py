"""A plane through points over two features, and a logistic line through one, as the word says."""

import sys

import torch
from torch import nn


def plane() -> None:
    x = torch.rand(80, 2)
    y = (2 * x[:, 0] - x[:, 1]).unsqueeze(1)
    train(nn.Linear(2, 1), nn.MSELoss(), x, y)


def chance() -> None:
    x = torch.randn(60, 2)
    y = (x[:, 0] + 0.5 * x[:, 1] > 0).float().unsqueeze(1)
    train(nn.Linear(2, 1), nn.BCEWithLogitsLoss(), x, y)


def noisy() -> None:
    x = torch.randn(60)
    weight = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(weight.parameters(), lr=0.1)
    for _ in range(20):
        loss = ((weight(x.unsqueeze(1))[:, 0] - 3 * x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def train(model: nn.Module, loss_fn: nn.Module, x: torch.Tensor, y: torch.Tensor) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(20):
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    torch.manual_seed(0)
    {"plane": plane, "chance": chance, "noisy": noisy}[sys.argv[1]]()
