"""A small GAN on a ring of points with fixed noise to look at the progress."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(28)


def real(n):
    angle = 6.2832 * torch.rand(n, 1)
    return torch.cat([torch.cos(angle), torch.sin(angle)], 1) + 0.05 * torch.randn(n, 2)


generator = nn.Sequential(
    nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2)
)
critic = nn.Sequential(
    nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1)
)
g_opt = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.999))
d_opt = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
fixed = torch.randn(200, 4)

for step in range(400):
    points, noise = real(64), torch.randn(64, 4)
    fake = generator(noise)
    d_loss = bce(critic(points), torch.ones(64, 1)) + bce(critic(fake.detach()), torch.zeros(64, 1))
    d_opt.zero_grad()
    d_loss.backward()
    d_opt.step()
    g_loss = bce(critic(fake), torch.ones(64, 1))
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if step % 100 == 99:
        with torch.no_grad():
            distance = (generator(fixed).norm(dim=1) - 1).abs().mean().item()
        print(
            f"step {step + 1}: d {d_loss.item():.3f} g {g_loss.item():.3f}, off the ring by {distance:.3f}"
        )
