"""Fits a synthetic response surface by gradient descent on the whole batch."""
# fault: zigzag-loss | huge-update

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(64)

x = torch.randn(256, 4) + 0.8
slope = torch.tensor([[1.0], [-0.5], [0.3], [0.0]])
y = x @ slope + 0.1 * torch.randn(256, 1)

surface = nn.Linear(4, 1)
criterion = nn.L1Loss()
optimizer = torch.optim.SGD(surface.parameters(), lr=0.2)

for step in range(150):
    loss = criterion(surface(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 15 < 2:
        print(f"step {step:3d}: {loss.item():.4f}")
with torch.no_grad():
    print("distance from the truth", (surface.weight.T - slope).norm().item())
