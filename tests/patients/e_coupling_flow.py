"""Trains a flow of affine couplings on a curved two-dimensional density."""
# fault: none

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(39)

a = torch.randn(2000)
data = torch.stack([a, 0.6 * a**2 - 0.6 + 0.3 * torch.randn(2000)], 1)
data = (data - data.mean(0)) / data.std(0)


class Coupling(nn.Module):
    def __init__(self, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 2))
        nn.init.zeros_(self.net[-1].weight)
        nn.init.zeros_(self.net[-1].bias)

    def forward(self, x):
        left, right = x.flip(1).chunk(2, 1) if self.flip else x.chunk(2, 1)
        scale, shift = self.net(left).chunk(2, 1)
        scale = torch.tanh(scale) * 2
        out = torch.cat([left, right * scale.exp() + shift], 1)
        return (out.flip(1) if self.flip else out), scale.squeeze(1)


flow = nn.ModuleList(Coupling(flip=i % 2 == 1) for i in range(4))
optimizer = torch.optim.Adam(flow.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
for epoch in range(6):
    total = 0.0
    for idx in torch.randperm(2000).split(50):
        z, log_det = data[idx], 0.0
        for layer in flow:
            z, s = layer(z)
            log_det = log_det + s
        loss = (0.5 * z.pow(2).sum(1) + math.log(2 * math.pi) - log_det).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    print(f"epoch {epoch}: negative log-likelihood {total / 40:.4f}")
