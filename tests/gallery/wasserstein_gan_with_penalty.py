"""A Wasserstein GAN: negative losses, a gradient penalty, five critic updates for one other."""

from __future__ import annotations

import torch
from torch import nn


def main() -> None:
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    g = torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.0, 0.9))
    c = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.0, 0.9))
    for number in range(40):
        real, fake = torch.randn(32, 2) + 2, generator(torch.randn(32, 4)).detach()
        mix = torch.rand(32, 1)
        between = (mix * real + (1 - mix) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = 10 * ((slope.norm(2, dim=1) - 1) ** 2).mean()
        loss = critic(fake).mean() - critic(real).mean() + penalty
        c.zero_grad()
        loss.backward()
        c.step()
        if number % 5 == 4:
            g.zero_grad()
            (-critic(generator(torch.randn(32, 4))).mean()).backward()
            g.step()
