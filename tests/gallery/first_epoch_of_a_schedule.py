"""Tries its first epoch only; the schedule is stepped after every tenth, and has not been yet."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def main(epochs: int = 2) -> None:
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    x = torch.randn(96, 4)
    loader = DataLoader(TensorDataset(x, x[:, :1]), batch_size=8, shuffle=True)
    for epoch in range(1, epochs + 1):
        for inputs, targets in loader:
            optimizer.zero_grad()
            nn.functional.mse_loss(model(inputs), targets).backward()
            optimizer.step()
        if epoch % 10 == 0:
            schedule.step()
