"""Trains a Wasserstein generator of a bimodal distribution with a gradient penalty."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)


def draw(n):
    side = torch.randint(0, 2, (n, 1)).float() * 2 - 1
    return 1.5 * side + 0.2 * torch.randn(n, 1)


critic = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
maker = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
c_opt = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))
m_opt = torch.optim.Adam(maker.parameters(), lr=2e-3, betas=(0.0, 0.9))

for step in range(120):
    for _ in range(3):
        truth = draw(64)
        with torch.no_grad():
            made = maker(torch.randn(64, 2))
        mix = torch.rand(64, 1)
        between = (mix * truth + (1 - mix) * made).requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
        c_loss = critic(made).mean() - critic(truth).mean() + 5 * penalty
        c_opt.zero_grad()
        c_loss.backward()
        c_opt.step()

    m_loss = -critic(maker(torch.randn(64, 2))).mean()
    m_opt.zero_grad()
    m_loss.backward()
    m_opt.step()
    if step % 30 == 29:
        with torch.no_grad():
            made = maker(torch.randn(500, 2))
        print(f"{step + 1}: distance {-c_loss.item():.3f} spread {made.std().item():.2f}")
