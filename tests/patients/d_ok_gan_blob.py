"""A GAN on a tilted Gaussian; the generator's backward also fills the discriminator."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(80)

tilt = torch.tensor([[1.0, 0.6], [0.0, 0.5]])
shift = torch.tensor([1.5, -1.0])


def real_batch(n):
    return torch.randn(n, 2) @ tilt + shift


gen = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 2))
dis = nn.Sequential(nn.Linear(2, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
opt_gen = torch.optim.Adam(gen.parameters(), lr=2e-3, betas=(0.5, 0.9))
opt_dis = torch.optim.Adam(dis.parameters(), lr=2e-3, betas=(0.5, 0.9))

for it in range(250):
    fake = gen(torch.randn(64, 4))

    d_loss = F.softplus(-dis(real_batch(64))).mean() + F.softplus(dis(fake.detach())).mean()
    opt_dis.zero_grad()
    d_loss.backward()
    opt_dis.step()

    g_loss = F.softplus(-dis(fake)).mean()
    opt_gen.zero_grad()
    g_loss.backward()
    opt_gen.step()

    if it % 50 == 49:
        with torch.no_grad():
            mean = gen(torch.randn(500, 4)).mean(0)
        print(f"it {it + 1}: D {d_loss.item():.3f} G {g_loss.item():.3f} mean {mean.tolist()}")
