"""Monte Carlo dropout: the mean and spread of many predictions with dropout left on."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(15)

x = torch.rand(300, 1) * 4 - 2
y = torch.sin(2 * x) + 0.1 * torch.randn_like(x)
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
for epoch in range(30):
    model.train()
    for rows in torch.randperm(300).split(50):
        loss = nn.functional.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def predict(model, x, samples=40):
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.train()
    with torch.no_grad():
        draws = torch.stack([model(x) for _ in range(samples)])
    return draws.mean(0), draws.std(0)


grid = torch.linspace(-2, 4, 7).unsqueeze(1)
for point, mean, spread in zip(grid, *predict(model, grid), strict=True):
    print(f"x {point.item():5.1f}: {mean.item():6.3f} +- {spread.item():.3f}")
