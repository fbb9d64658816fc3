"""A small GAN that learns points on a ring."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class GanConfig:
    noise: int = 4
    batch: int = 128
    steps: int = 300
    lr_g: float = 2e-3
    lr_d: float = 2e-3


def mlp(n_in: int, n_out: int, width: int = 48) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_in, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, n_out),
    )


class RingGan:
    def __init__(self, cfg: GanConfig) -> None:
        self.cfg = cfg
        self.g, self.d = mlp(cfg.noise, 2), mlp(2, 1)
        self.opt_g = torch.optim.Adam(self.g.parameters(), lr=cfg.lr_g, betas=(0.5, 0.99))
        self.opt_d = torch.optim.Adam(self.d.parameters(), lr=cfg.lr_d, betas=(0.5, 0.99))

    def fake(self) -> Tensor:
        return self.g(torch.randn(self.cfg.batch, self.cfg.noise))

    def discriminator_step(self, real: Tensor) -> float:
        fake = self.fake().detach()
        loss = nn.functional.softplus(-self.d(real)).mean()
        loss = loss + nn.functional.softplus(self.d(fake)).mean()
        self.opt_d.zero_grad()
        loss.backward()
        self.opt_d.step()
        return loss.item()

    def generator_step(self) -> float:
        loss = nn.functional.softplus(-self.d(self.fake())).mean()
        self.opt_g.zero_grad()
        loss.backward()
        self.opt_g.step()
        return loss.item()


def ring(n: int) -> Tensor:
    angle = 6.2832 * torch.rand(n)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(n, 2)


torch.manual_seed(0)
gan = RingGan(GanConfig())
for step in range(gan.cfg.steps):
    d_loss = gan.discriminator_step(ring(gan.cfg.batch))
    g_loss = gan.generator_step()
    if step % 60 == 59:
        radius = gan.fake().detach().norm(dim=1)
        print(f"{step} d {d_loss:.3f} g {g_loss:.3f} r {radius.mean():.3f} +- {radius.std():.3f}")
