"""Five quantiles of a skewed variable with one network and the pinball loss."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(67)

levels = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
x = torch.rand(1000, 1) * 2 - 1
y = x + (0.2 + 0.5 * (x + 1)) * torch.randn(1000, 1).abs()


def pinball(predicted, target):
    error = target - predicted
    return torch.maximum(levels * error, (levels - 1) * error).mean()


model = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 5))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(20):
    total = 0.0
    for rows in torch.randperm(800).split(40):
        loss = pinball(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 20
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1} pinball {total:.4f}")

model.eval()
with torch.no_grad():
    below = (y[800:] < model(x[800:])).float().mean(0)
print("coverage", [round(v, 2) for v in below.tolist()])
