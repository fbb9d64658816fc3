"""Accumulation in whole windows: a counter across epochs, or a last and shorter window."""

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    x = torch.randn(88, 6)
    loader = DataLoader(TensorDataset(x, x[:, 0] - x[:, 1]), batch_size=8, shuffle=True)
    for counted in (True, False):
        model, number = nn.Linear(6, 1), 0
        optimizer = torch.optim.SGD(model.parameters(), 0.05)
        for _ in range(3):
            for place, (inputs, targets) in enumerate(loader, start=1):
                loss = functional.mse_loss(model(inputs).squeeze(1), targets) / 4
                loss.backward()
                number += 1
                whole = number % 4 == 0 if counted else place % 4 == 0 or place == len(loader)
                if whole:
                    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                    optimizer.step()
                    optimizer.zero_grad()
