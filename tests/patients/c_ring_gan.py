"""A GAN that learns points on a ring."""

# fault: retained-graph
import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(2)


def real_points(n):
    angle = torch.rand(n) * 2 * math.pi
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
D = nn.Sequential(
    nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1)
)
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()

BATCH = 64
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)

for step in range(250):
    real = real_points(BATCH)
    fake = G(torch.randn(BATCH, 4))

    opt_d.zero_grad()
    d_loss = bce(D(real), ones) + bce(D(fake.detach()), zeros)
    d_loss.backward(retain_graph=True)
    opt_d.step()

    opt_g.zero_grad()
    g_loss = bce(D(fake), ones)
    g_loss.backward()
    opt_g.step()

    if step % 50 == 0:
        with torch.no_grad():
            radius = G(torch.randn(500, 4)).norm(dim=1)
        print(f"{step:4d} D {d_loss:.3f} G {g_loss:.3f} radius {radius.mean():.2f}")
