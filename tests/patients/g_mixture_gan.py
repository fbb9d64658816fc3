"""Trains a GAN to draw points of a ring of gaussians."""
# fault: none

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class GANConfig:
    noise: int = 4
    steps: int = 300
    batch: int = 96
    lr: float = 1e-3


class Pair:
    def __init__(self, cfg: GANConfig) -> None:
        self.cfg = cfg
        self.g = nn.Sequential(nn.Linear(cfg.noise, 48), nn.ReLU(), nn.Linear(48, 2))
        self.d = nn.Sequential(nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
        self.g_opt = torch.optim.Adam(self.g.parameters(), lr=cfg.lr, betas=(0.5, 0.99))
        self.d_opt = torch.optim.Adam(self.d.parameters(), lr=cfg.lr, betas=(0.5, 0.99))

    def fake(self) -> Tensor:
        return self.g(torch.randn(self.cfg.batch, self.cfg.noise))

    def discriminator_step(self, real: Tensor) -> float:
        self.d_opt.zero_grad()
        loss = F.softplus(-self.d(real)).mean() + F.softplus(self.d(self.fake().detach())).mean()
        loss.backward()
        self.d_opt.step()
        return loss.item()

    def generator_step(self) -> float:
        self.g_opt.zero_grad()
        loss = F.softplus(-self.d(self.fake())).mean()
        loss.backward()
        self.g_opt.step()
        return loss.item()


def ring(n: int) -> Tensor:
    angle = torch.randint(0, 6, (n,)) * (math.pi / 3)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(n, 2)


torch.manual_seed(2)
torch.set_num_threads(1)
cfg = GANConfig()
pair = Pair(cfg)
for i in range(cfg.steps):
    d_loss = pair.discriminator_step(ring(cfg.batch))
    g_loss = pair.generator_step()
    if i % 60 == 59 or i == 0:
        with torch.no_grad():
            radius = pair.fake().norm(dim=1).mean().item()
        print(f"step {i + 1}: d {d_loss:.3f} g {g_loss:.3f} mean radius {radius:.3f}")
