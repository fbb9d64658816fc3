"""Trains on NaN for missing values: the model fills its inputs, the loss leaves out targets."""

import torch
from torch import nn


class Filling(nn.Module):
    """Replaces what is missing by 0 and says so in a second column."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        missing = x.isnan()
        return self.layer(torch.cat([x.masked_fill(missing, 0.0), missing.float()], dim=1))


def main() -> None:
    x = torch.randn(256, 4)
    y = x[:, :1] - x[:, 1:2]
    x[torch.rand(256, 4) < 0.1] = torch.nan
    y[torch.rand(256, 1) < 0.1] = torch.nan
    model = Filling()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(4):
        for chosen in torch.randperm(256).split(16):
            optimizer.zero_grad()
            known = ~y[chosen].isnan()
            error = model(x[chosen])[known] - y[chosen][known]
            (error**2).mean().backward()
            optimizer.step()
