"""Full-batch descent on a small tanh network that learns the energy of a pendulum."""

# fault: zigzag-loss | huge-update
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

angle = 3 * torch.randn(256, 1)
speed = torch.randn(256, 1)
X = torch.cat([angle.sin(), angle.cos(), speed], 1)
energy = 0.5 * speed**2 + (1 - angle.cos())
y = (energy - energy.mean()) / energy.std()

model = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.4)

for step in range(200):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(model(X), y)
    loss.backward()
    optimizer.step()
    if step % 20 < 4:
        print(f"step {step} loss {loss.item():.4f}")
