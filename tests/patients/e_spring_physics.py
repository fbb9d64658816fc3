"""Solves the equation of a damped spring with a network that knows only the equation."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
torch.manual_seed(16)

net = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
DAMP, STIFF = 0.4, 4.0


def derivative(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


for step in range(300):
    t = (2 * torch.rand(64, 1)).requires_grad_()
    u = 1 + t**2 * net(t)  # starts at 1, at rest
    du = derivative(u, t)
    ddu = derivative(du, t)
    loss = ((ddu + DAMP * du + STIFF * u) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        print(f"{step}: residual {loss.item():.4f}")
with torch.no_grad():
    t = torch.linspace(0, 2, 5)[:, None]
    omega = (STIFF - DAMP**2 / 4) ** 0.5
    exact = torch.exp(-DAMP * t / 2) * (
        torch.cos(omega * t) + DAMP / 2 / omega * torch.sin(omega * t)
    )
    print("largest error", (1 + t**2 * net(t) - exact).abs().max().item())
