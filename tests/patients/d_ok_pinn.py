"""Solve u'' = -u with u(0) = 0 and u'(0) = 1 by a network, derivatives by autograd."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(66)

net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)


def derivative(u, t):
    return torch.autograd.grad(u.sum(), t, create_graph=True)[0]


for step in range(400):
    t = (torch.rand(40, 1) * 3).requires_grad_()
    u = net(t)
    du = derivative(u, t)
    ddu = derivative(du, t)
    residual = (ddu + u).square().mean()

    zero = torch.zeros(1, 1, requires_grad=True)
    u0 = net(zero)
    du0 = derivative(u0, zero)
    boundary = (u0.square() + (du0 - 1).square()).sum()

    loss = residual + boundary
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 100 == 99:
        print(f"step {step + 1}: loss {loss.item():.5f}")

with torch.no_grad():
    t = torch.linspace(0, 3, 100).unsqueeze(1)
    print(f"largest error {(net(t) - torch.sin(t)).abs().max().item():.4f}")
