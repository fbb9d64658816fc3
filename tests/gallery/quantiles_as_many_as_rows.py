"""Learns 16 quantiles in batches of 16: (16, 1) against (16, 16), broadcast on purpose."""

import torch
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    levels = torch.linspace(0.05, 0.95, 16)
    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(40):
        x = torch.randn(16, 4)
        error = x[:, :1] + 0.3 * torch.randn(16, 1) - model(x)
        loss = torch.maximum(levels * error, (levels - 1) * error).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
