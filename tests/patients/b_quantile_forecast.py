"""Forecast three quantiles at once with the pinball loss."""
# fault: none
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(71)

quantiles = torch.tensor([0.1, 0.5, 0.9])
x = torch.rand(800, 1) * 2 - 1
y = torch.sin(3 * x) + (0.1 + 0.3 * x.abs()) * torch.randn(800, 1)
loader = DataLoader(TensorDataset(x[:700], y[:700]), batch_size=70, shuffle=True)


def pinball(prediction, target):
    error = target - prediction
    return torch.maximum(quantiles * error, (quantiles - 1) * error).mean()


model = nn.Sequential(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
for epoch in range(20):
    for inputs, targets in loader:
        loss = pinball(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            below = (y[700:] < model(x[700:])).float().mean(0)
        print(f"epoch {epoch + 1} loss {loss.item():.4f} coverage {[round(v, 2) for v in below.tolist()]}")
