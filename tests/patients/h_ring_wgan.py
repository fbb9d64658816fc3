"""Trains a Wasserstein critic with gradient penalty, three critic steps to one of the generator."""

# fault: none
import math

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(28)


def ring(size: int) -> Tensor:
    angle = 2 * math.pi * torch.rand(size)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.02 * torch.randn(size, 2)


class Wgan:
    def __init__(self) -> None:
        self.generator = nn.Sequential(
            nn.Linear(2, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2)
        )
        self.critic = nn.Sequential(
            nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1)
        )
        self.g_opt = torch.optim.Adam(self.generator.parameters(), lr=2e-3, betas=(0.0, 0.9))
        self.c_opt = torch.optim.Adam(self.critic.parameters(), lr=2e-3, betas=(0.0, 0.9))

    def penalty(self, real: Tensor, fake: Tensor) -> Tensor:
        mixed = torch.lerp(real, fake, torch.rand(len(real), 1)).requires_grad_(True)
        (slope,) = torch.autograd.grad(self.critic(mixed).sum(), mixed, create_graph=True)
        return (slope.norm(dim=1) - 1).square().mean()

    def critic_step(self, real: Tensor) -> float:
        with torch.no_grad():
            fake = self.generator(torch.randn(len(real), 2))
        loss = self.critic(fake).mean() - self.critic(real).mean() + 5 * self.penalty(real, fake)
        self.c_opt.zero_grad()
        loss.backward()
        self.c_opt.step()
        return loss.item()

    def generator_step(self, size: int) -> float:
        loss = -self.critic(self.generator(torch.randn(size, 2))).mean()
        self.g_opt.zero_grad()
        loss.backward()
        self.g_opt.step()
        return loss.item()

    def roundness(self) -> float:
        with torch.no_grad():
            return (self.generator(torch.randn(512, 2)).norm(dim=1) - 1).abs().mean().item()


gan = Wgan()
before = gan.roundness()
for step in range(100):
    for _ in range(3):
        c_loss = gan.critic_step(ring(64))
    g_loss = gan.generator_step(64)
print(
    f"distance from the ring {before:.3f} -> {gan.roundness():.3f}; critic {c_loss:.3f} generator {g_loss:.3f}"
)
assert gan.roundness() < 0.6 * before
