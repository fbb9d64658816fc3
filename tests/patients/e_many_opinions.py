"""Fits a noisy curve and estimates the uncertainty from many stochastic passes."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(6)

x = torch.cat([torch.rand(150, 1) * 2 - 3, torch.rand(150, 1) * 2 + 1])
y = torch.sin(x) + 0.05 * torch.randn_like(x)
net = nn.Sequential(
    nn.Linear(1, 64),
    nn.Tanh(),
    nn.Dropout(0.1),
    nn.Linear(64, 64),
    nn.Tanh(),
    nn.Dropout(0.1),
    nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
net.train()
for step in range(250):
    idx = torch.randint(0, 300, (50,))
    loss = nn.functional.mse_loss(net(x[idx]), y[idx])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 0:
        print(f"{step}: {loss.item():.4f}")

# Monte Carlo dropout: the passes stay stochastic so that their spread tells the uncertainty
query = torch.tensor([[-2.0], [0.0], [2.0], [6.0]])
net.train()
with torch.no_grad():
    passes = torch.stack([net(query) for _ in range(40)])
for q, m, s in zip(query.flatten(), passes.mean(0).flatten(), passes.std(0).flatten()):
    print(f"f({q.item():+.1f}) = {m.item():+.2f} +- {s.item():.2f}")
