"""A physics-informed network for a boundary value problem, with its residual checked on new points."""
# fault: none

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(24)


class Field(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1)
        )

    def forward(self, x):
        return self.net(x)


def residual(model, x):
    x = x.requires_grad_(True)
    u = model(x)
    (du,) = torch.autograd.grad(u.sum(), x, create_graph=True)
    (d2u,) = torch.autograd.grad(du.sum(), x, create_graph=True)
    return d2u + math.pi**2 * torch.sin(math.pi * x)


model = Field()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
boundary = torch.tensor([[-1.0], [1.0]])
for step in range(250):
    inside = torch.rand(48, 1) * 2 - 1
    loss = residual(model, inside).pow(2).mean() + 10 * model(boundary).pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        model.eval()
        check = residual(model, torch.linspace(-1, 1, 41).unsqueeze(1)).abs().mean().item()
        model.train()
        print(f"step {step + 1}: loss {loss.item():.4f}, mean residual {check:.4f}")
x = torch.linspace(-1, 1, 101).unsqueeze(1)
with torch.no_grad():
    print(f"largest error {(model(x) - torch.sin(math.pi * x)).abs().max().item():.4f}")
