"""Predict mean and variance of a noisy function with the Gaussian likelihood."""
# fault: broadcast-loss

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(2)

x = torch.rand(500, 1) * 6 - 3
y = torch.sin(2 * x[:, 0]) + (0.05 + 0.1 * x[:, 0].abs()) * torch.randn(500)


class Density(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.mean = nn.Linear(48, 1)
        self.scale = nn.Linear(48, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h), F.softplus(self.scale(h)) + 1e-3


model = Density()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(25):
    for rows in torch.randperm(500).split(50):
        mean, var = model(x[rows])
        loss = F.gaussian_nll_loss(mean, y[rows], var)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: nll {loss.item():.4f}")

model.eval()
with torch.no_grad():
    mean, _ = model(x)
    print(f"rms error of the mean {(mean[:, 0] - y).square().mean().sqrt().item():.4f}")
