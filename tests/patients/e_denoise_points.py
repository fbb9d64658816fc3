"""Trains a diffusion model of points on two moons that predicts the added noise."""
# fault: none

from dataclasses import dataclass

import torch
from sklearn.datasets import make_moons
from torch import nn


@dataclass(frozen=True)
class Config:
    levels: int = 40
    width: int = 64
    batch: int = 128
    steps: int = 350
    lr: float = 3e-3
    decay: float = 0.98


cfg = Config()
torch.set_num_threads(1)
torch.manual_seed(34)

points = torch.tensor(make_moons(2000, noise=0.05, random_state=0)[0], dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)
betas = torch.linspace(1e-3, 0.2, cfg.levels)
kept = torch.cumprod(1 - betas, 0)


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.time = nn.Embedding(cfg.levels, cfg.width)
        self.inp = nn.Linear(2, cfg.width)
        self.mid = nn.Linear(cfg.width, cfg.width)
        self.out = nn.Linear(cfg.width, 2)

    def forward(self, x, t):
        h = nn.functional.silu(self.inp(x) + self.time(t))
        return self.out(nn.functional.silu(self.mid(h)) + h)


model = Denoiser()
ema = {k: v.detach().clone() for k, v in model.named_parameters()}
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
recent = 1.0
for step in range(cfg.steps):
    x0 = points[torch.randint(0, 2000, (cfg.batch,))]
    t = torch.randint(0, cfg.levels, (cfg.batch,))
    noise = torch.randn_like(x0)
    a = kept[t].unsqueeze(1)
    loss = ((model(a.sqrt() * x0 + (1 - a).sqrt() * noise, t) - noise) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for k, v in model.named_parameters():
            ema[k].mul_(cfg.decay).add_(v, alpha=1 - cfg.decay)
    recent = 0.95 * recent + 0.05 * loss.item()
    if step % 70 == 69:
        print(f"{step + 1}: {recent:.4f}")
