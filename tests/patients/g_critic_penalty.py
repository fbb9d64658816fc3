"""Trains a Wasserstein GAN with gradient penalty on a banana of points."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(6)
torch.set_num_threads(1)


def banana(n: int) -> Tensor:
    x = torch.randn(n)
    return torch.stack([x, 0.5 * x**2 - 0.5 + 0.2 * torch.randn(n)], 1)


def penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    (grad,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (grad.norm(dim=1) - 1).square().mean()


def mlp(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, outputs)
    )


generator, critic = mlp(3, 2), mlp(2, 1)
g_opt = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
c_opt = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))
for i in range(120):
    for _ in range(3):
        real = banana(64)
        fake = generator(torch.randn(64, 3)).detach()
        gap = critic(real).mean() - critic(fake).mean()
        c_loss = -gap + 5.0 * penalty(critic, real, fake)
        c_opt.zero_grad()
        c_loss.backward()
        c_opt.step()
    g_loss = -critic(generator(torch.randn(64, 3))).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if i % 30 == 29 or i == 0:
        with torch.no_grad():
            spread = generator(torch.randn(500, 3)).std(0).tolist()
        print(f"step {i + 1}: gap {gap.item():.3f} spread", [round(s, 2) for s in spread])
