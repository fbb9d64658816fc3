"""A generative adversarial network learns points on a ring."""
# fault: stale-gradient

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(24)


def ring(n):
    a = torch.rand(n) * 2 * math.pi
    return torch.stack([torch.cos(a), torch.sin(a)], 1) + 0.05 * torch.randn(n, 2)


def mlp(n_in, n_out, activation, width=64):
    return nn.Sequential(
        nn.Linear(n_in, width),
        activation,
        nn.Linear(width, width),
        activation,
        nn.Linear(width, n_out),
    )


generator = mlp(4, 2, nn.ReLU())
discriminator = mlp(2, 1, nn.LeakyReLU(0.2))
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(discriminator.parameters(), lr=1e-3, betas=(0.5, 0.99))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)

for it in range(320):
    real = ring(64)
    fake = generator(torch.randn(64, 4))

    opt_d.zero_grad()
    d_loss = bce(discriminator(real), ones) + bce(discriminator(fake.detach()), zeros)
    d_loss.backward()
    opt_d.step()

    g_loss = bce(discriminator(fake), ones)
    g_loss.backward()
    opt_g.step()

    if it % 80 == 79:
        with torch.no_grad():
            radius = generator(torch.randn(256, 4)).norm(dim=1)
        print(
            f"it {it + 1} D {d_loss.item():.3f} G {g_loss.item():.3f} "
            f"radius {radius.mean().item():.2f} +- {radius.std().item():.2f}"
        )
