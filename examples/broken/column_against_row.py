"""A line through 100 points: the predictions are a column, [100, 1], the targets a row, [100]."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.linspace(-1, 1, 100).unsqueeze(1)
y = 2 * x.squeeze() + 1 + 0.1 * torch.randn(100)

model = nn.Linear(1, 1)
loss_fn = nn.MSELoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

for _ in range(100):
    y_pred = model(x)
    loss = loss_fn(y_pred, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

print(f"y = {model.weight.item():.2f} x + {model.bias.item():.2f}, loss {loss.item():.3f}")
