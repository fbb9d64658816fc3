"""Trains a generator of points on a ring against a discriminator."""
# fault: none

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def real(n):
    angle = 2 * math.pi * torch.rand(n)
    return torch.stack([angle.cos(), angle.sin()], 1) * 2 + 0.05 * torch.randn(n, 2)


gen = nn.Sequential(
    nn.Linear(4, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 2)
)
disc = nn.Sequential(
    nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1)
)
opt_g = torch.optim.Adam(gen.parameters(), lr=2e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(disc.parameters(), lr=2e-3, betas=(0.5, 0.99))
bce = nn.BCEWithLogitsLoss()
one, zero = torch.ones(64, 1), torch.zeros(64, 1)

for step in range(320):
    fake = gen(torch.randn(64, 4))
    loss_d = bce(disc(real(64)), 0.9 * one) + bce(disc(fake.detach()), zero)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    loss_g = bce(disc(fake), one)
    opt_g.zero_grad()
    loss_g.backward()
    opt_g.step()
    if step % 80 == 79:
        with torch.no_grad():
            radius = gen(torch.randn(500, 4)).norm(dim=1)
        print(f"{step + 1}: D {loss_d.item():.3f} G {loss_g.item():.3f} radius {radius.mean():.2f}")
