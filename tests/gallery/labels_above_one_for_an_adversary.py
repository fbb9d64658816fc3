"""Gives the critic labels of 0.8 to 1.2 for real samples, beyond its sigmoid: a known trick."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    torch.manual_seed(0)
    maker = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2))
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Sigmoid())
    makers = torch.optim.Adam(maker.parameters(), lr=1e-3)
    critics = torch.optim.Adam(critic.parameters(), lr=1e-3)
    for _ in range(40):
        fake = maker(torch.randn(32, 2))
        real = critic(torch.randn(32, 2) + 2)
        loss = F.mse_loss(real, 0.8 + 0.4 * torch.rand(32, 1))
        loss = loss + F.mse_loss(critic(fake.detach()), torch.zeros(32, 1))
        critics.zero_grad()
        loss.backward()
        critics.step()
        loss = F.mse_loss(critic(fake), torch.ones(32, 1))
        makers.zero_grad()
        loss.backward()
        makers.step()


if __name__ == "__main__":
    main()
