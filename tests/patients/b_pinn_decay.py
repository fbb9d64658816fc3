"""A physics-informed network for u' = -2u, with derivatives in the loss."""
# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(70)

net = nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 100, 0.5)
t0 = torch.zeros(1, 1)

for step in range(300):
    t = torch.rand(64, 1, requires_grad=True)
    u = net(t)
    (du,) = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)
    residual = du + 2 * u
    initial = net(t0) - 1.0
    loss = residual.pow(2).mean() + 10 * initial.pow(2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if step % 60 == 0:
        print(f"step {step} loss {loss.item():.5f}")

with torch.no_grad():
    grid = torch.linspace(0, 1, 11).unsqueeze(1)
    print("largest error", (net(grid) - torch.exp(-2 * grid)).abs().max().item())
