"""Regresses five quantiles of a skewed target at once with the pinball loss."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(17)

levels = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
x = torch.rand(1500, 3)
y = x[:, :1] + x[:, 1:2] * torch.distributions.Gamma(2.0, 2.0).sample((1500, 1))

net = nn.Sequential(nn.Linear(3, 48), nn.ReLU(), nn.Linear(48, len(levels)))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)


def pinball(quantiles, target):
    error = target - quantiles  # [B, 1] against [B, Q]
    return torch.maximum(levels * error, (levels - 1) * error).sum(1).mean()


for epoch in range(8):
    for idx in torch.randperm(1200).split(50):
        loss = pinball(net(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        covered = (y[1200:] <= net(x[1200:])).float().mean(0)
    print(f"epoch {epoch}: {loss.item():.4f} coverage {[round(c, 2) for c in covered.tolist()]}")
