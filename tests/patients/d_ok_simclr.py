"""Contrastive codes of sine waves whose two views differ by phase and noise."""
# fault: none

import math

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(69)

t = torch.linspace(0, 1, 40)


def view(freq):
    phase = torch.rand(len(freq), 1) * 2 * math.pi
    return torch.sin(2 * math.pi * freq.unsqueeze(1) * t + phase) + 0.1 * torch.randn(len(freq), 40)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 16, 9, stride=2)
        self.norm = nn.BatchNorm1d(16)
        self.proj = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 8))

    def features(self, x):
        return F.relu(self.norm(self.conv(x.unsqueeze(1)))).mean(-1)

    def forward(self, x):
        return F.normalize(self.proj(self.features(x)), dim=1)


def nt_xent(a, b, temperature=0.2):
    z = torch.cat([a, b])
    similarity = (z @ z.T / temperature).fill_diagonal_(float("-inf"))
    n = len(a)
    partner = torch.cat([torch.arange(n) + n, torch.arange(n)])
    return F.cross_entropy(similarity, partner)


encoder = Encoder()
optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)
for step in range(150):
    freq = torch.rand(48) * 9 + 1
    loss = nt_xent(encoder(view(freq)), encoder(view(freq)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        print(f"step {step + 1} contrastive loss {loss.item():.4f} (chance {math.log(95):.2f})")
