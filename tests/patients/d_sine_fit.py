"""Fit a sum of sines with a small network, the way of the first tutorial."""
# fault: stale-gradient

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

x = torch.linspace(-3, 3, 200).unsqueeze(1)
y = torch.sin(2 * x) + 0.3 * torch.sin(5 * x)

model = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

for t in range(300):
    y_pred = model(x)
    loss = loss_fn(y_pred, y)
    if t % 50 == 49:
        print(t + 1, round(loss.item(), 4))
    loss.backward()
    optimizer.step()

with torch.no_grad():
    worst = (model(x) - y).abs().max().item()
print(f"largest error {worst:.3f}")
