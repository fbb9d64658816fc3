"""A Wasserstein critic with gradient penalty and its generator on two spots."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(60)


def spots(n):
    side = torch.randint(0, 2, (n, 1)).float() * 2 - 1
    return torch.cat([side, 0.5 * side], 1) + 0.1 * torch.randn(n, 2)


generator = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(generator.parameters(), lr=4e-3, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=4e-3, betas=(0.0, 0.9))


def penalty(real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    score = critic(between).sum()
    (slope,) = torch.autograd.grad(score, between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


for it in range(250):
    for _ in range(3):
        real, fake = spots(64), generator(torch.randn(64, 3)).detach()
        c_loss = critic(fake).mean() - critic(real).mean() + 5 * penalty(real, fake)
        opt_c.zero_grad()
        c_loss.backward()
        opt_c.step()
    g_loss = -critic(generator(torch.randn(64, 3))).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    if it % 50 == 49:
        with torch.no_grad():
            fake = generator(torch.randn(400, 3))
        print(f"it {it + 1} critic {c_loss.item():.3f} spread {fake.std(0).tolist()}")
