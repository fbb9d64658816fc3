"""Compares three rates from one seed: the same batches each time, for a new model each time."""

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    x = torch.randn(160, 4)
    loader = DataLoader(TensorDataset(x, x[:, :1]), batch_size=16, shuffle=True)
    for rate in (0.03, 0.05, 0.1):
        torch.manual_seed(0)
        model = nn.Linear(4, 1)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        for inputs, targets in loader:
            optimizer.zero_grad()
            fn.mse_loss(model(inputs), targets).backward()
            optimizer.step()
