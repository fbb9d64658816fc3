"""A Wasserstein GAN with gradient penalty: five critic updates for one of the generator."""
# fault: none
import torch
from torch import autograd, nn, optim

torch.set_num_threads(1)
torch.manual_seed(72)


def data(n):
    a = torch.randn(n, 1)
    return torch.cat([a, 0.5 * a + 1], 1) + 0.05 * torch.randn(n, 2)


generator = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = optim.Adam(generator.parameters(), lr=2e-3, betas=(0.0, 0.9))
opt_c = optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))


def gradient_penalty(real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    (slope,) = autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((slope.norm(dim=1) - 1) ** 2).mean()


for step in range(60):
    for _ in range(5):
        real = data(64)
        fake = generator(torch.randn(64, 2)).detach()
        critic_loss = critic(fake).mean() - critic(real).mean() + 10 * gradient_penalty(real, fake)
        opt_c.zero_grad()
        critic_loss.backward()
        opt_c.step()
    generator_loss = -critic(generator(torch.randn(64, 2))).mean()
    opt_g.zero_grad()
    generator_loss.backward()
    opt_g.step()
    if step % 15 == 0:
        with torch.no_grad():
            centre = generator(torch.randn(500, 2)).mean(0)
        print(f"step {step} wasserstein {-critic_loss.item():.3f} centre {centre.tolist()}")
