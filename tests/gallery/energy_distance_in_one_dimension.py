"""Trains a generator of numbers by the energy distance: (B, 1) against (1, B), all with all."""

import torch
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(maker.parameters(), lr=0.01)
    for _ in range(40):
        fake, real = maker(torch.randn(32, 2)), 2 + 0.5 * torch.randn(32, 1)
        loss = 2 * (fake - real.t()).abs().mean() - (fake - fake.t()).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    main()
