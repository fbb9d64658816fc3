"""Overfits one batch first, to see that the model can learn at all, then trains on all of them."""

import torch
from torch import nn
from torch.nn import functional as fn
from torch.utils.data import DataLoader, TensorDataset


def main() -> None:
    x = torch.randn(160, 6)
    loader = DataLoader(TensorDataset(x, (x[:, 0] > 0).long()), batch_size=16, shuffle=True)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def learn(inputs: torch.Tensor, targets: torch.Tensor) -> None:
        optimizer.zero_grad()
        fn.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    inputs, targets = next(iter(loader))
    for _ in range(20):
        learn(inputs, targets)
    for _ in range(3):
        for inputs, targets in loader:
            learn(inputs, targets)
