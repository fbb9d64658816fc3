"""Wasserstein GAN with gradient penalty on a one-dimensional mixture."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)


def real_batch(n):
    side = torch.randint(0, 2, (n, 1)).float() * 2 - 1
    return 1.5 * side + 0.2 * torch.randn(n, 1)


G = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
D = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.0, 0.9))

for step in range(100):
    for _ in range(5):
        real, fake = real_batch(128), G(torch.randn(128, 3)).detach()
        mix = torch.rand(128, 1)
        between = (mix * real + (1 - mix) * fake).requires_grad_(True)
        slope = torch.autograd.grad(D(between).sum(), between, create_graph=True)[0]
        penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
        d_loss = D(fake).mean() - D(real).mean() + 5 * penalty
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
    g_loss = -D(G(torch.randn(64, 3))).mean()
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()
    if step % 20 == 19:
        out = G(torch.randn(500, 3)).detach()
        print(
            f"{step} critic {d_loss.item():.3f} gen {g_loss.item():.3f} |x| {out.abs().mean():.2f}"
        )
