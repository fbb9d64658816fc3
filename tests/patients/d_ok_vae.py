"""A beta-VAE of sine waves with a warm-up of the divergence from zero."""
# fault: none

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(90)

t = torch.linspace(0, 1, 32)


def waves(n):
    frequency = 1 + 3 * torch.rand(n, 1)
    amplitude = 0.5 + torch.rand(n, 1)
    return amplitude * torch.sin(2 * math.pi * frequency * t)


class WaveVAE(nn.Module):
    def __init__(self, code=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(32, 64), nn.ELU(), nn.Linear(64, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ELU(), nn.Linear(64, 32))

    def forward(self, x):
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * log_var) * torch.randn_like(mean)
        return self.decoder(z), mean, log_var


vae = WaveVAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=5e-3)
fixed = waves(200)

for step in range(300):
    x = waves(64)
    out, mean, log_var = vae(x)
    reconstruction = F.mse_loss(out, x, reduction="none").sum(1).mean()
    divergence = 0.5 * (mean.square() + log_var.exp() - 1 - log_var).sum(1).mean()
    beta = 0.1 * min(1.0, step / 100)
    loss = reconstruction + beta * divergence
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    if step % 60 == 59:
        with torch.no_grad():
            error = F.mse_loss(vae(fixed)[0], fixed).item()
        print(f"step {step + 1}: loss {loss.item():.3f} kl {divergence.item():.2f} mse {error:.4f}")
