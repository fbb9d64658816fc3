"""A GAN for points on a ring."""
# fault: erased-gradient
import math

import torch
import torch.nn as nn

torch.set_num_threads(1)
torch.manual_seed(41)


def real_points(n):
    angle = 2 * math.pi * torch.rand(n, 1)
    return torch.cat([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)

for it in range(120):
    # discriminator
    fake = G(torch.randn(64, 4))
    loss_d = bce(D(real_points(64)), ones) + bce(D(fake.detach()), zeros)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()

    # generator
    loss_g = bce(D(G(torch.randn(64, 4))), ones)
    loss_g.backward()
    opt_d.zero_grad()
    opt_g.zero_grad()
    opt_g.step()

    if it % 20 == 0:
        with torch.no_grad():
            radius = G(torch.randn(500, 4)).norm(dim=1)
        print(f"{it}: D {loss_d.item():.3f}  G {loss_g.item():.3f}  radius {radius.mean().item():.3f}")
