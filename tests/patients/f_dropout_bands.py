"""Regression with error bands from Monte-Carlo dropout."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

x = torch.cat([torch.rand(150, 1) * 2 - 3, torch.rand(150, 1) * 2 + 1])
y = torch.sin(1.5 * x) + 0.1 * torch.randn_like(x)

model = nn.Sequential(
    nn.Linear(1, 64),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(64, 64),
    nn.ReLU(),
    nn.Dropout(0.1),
    nn.Linear(64, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

model.train()
for epoch in range(40):
    for idx in torch.randperm(300).split(60):
        loss = nn.functional.mse_loss(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 10 == 9:
        print(f"epoch {epoch} loss {loss.item():.4f}")

grid = torch.linspace(-3, 3, 13).unsqueeze(1)
with torch.no_grad():
    draws = torch.stack([model(grid) for _ in range(50)])
for value, mean, std in zip(grid[::3, 0], draws.mean(0)[::3, 0], draws.std(0)[::3, 0], strict=True):
    print(f"{value:+.1f}: {mean:+.3f} +- {std:.3f}")
