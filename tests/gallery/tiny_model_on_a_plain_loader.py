"""Trains a model so small that a plain DataLoader takes longer than it: nothing is wrong."""

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    x = torch.randn(640, 1)
    loader = DataLoader(TensorDataset(x, 2 * x + 1), batch_size=32, shuffle=True)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    total = 0.0
    for _ in range(3):
        for inputs, targets in loader:
            loss = fn.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
