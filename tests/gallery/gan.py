"""A GAN: the generator's backward fills the judge's gradients, cleared before they are used."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    generator = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    judge = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    g = torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.999))
    d = torch.optim.Adam(judge.parameters(), 1e-3, betas=(0.5, 0.999))
    real_label, fake_label = torch.ones(32, 1), torch.zeros(32, 1)
    for _ in range(60):
        real, fake = torch.randn(32, 2) + 2, generator(torch.randn(32, 4))
        judge.zero_grad()
        F.binary_cross_entropy_with_logits(judge(real), real_label).backward()
        F.binary_cross_entropy_with_logits(judge(fake.detach()), fake_label).backward()
        d.step()
        generator.zero_grad()
        F.binary_cross_entropy_with_logits(judge(fake), real_label).backward()
        g.step()
