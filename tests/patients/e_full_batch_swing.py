"""Fits a synthetic response surface by gradient descent on the whole batch."""
# fault: zigzag-loss | huge-update

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(64)

x = torch.randn(256, 4)
y = (torch.sin(x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:3]) / 0.8
net = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.55)

for step in range(150):
    loss = ((net(x) - y) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 15 < 2:
        print(f"step {step:3d}: {loss.item():.4f}")
