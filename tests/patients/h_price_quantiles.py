"""Trains a network for three quantiles at once of synthetic house prices."""

# fault: none
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(19)

QUANTILES = torch.tensor([0.1, 0.5, 0.9])
rooms, age, income = torch.randn(3, 1500)
price = (
    0.8 * income + 0.3 * rooms - 0.2 * age + 0.4 * torch.randn(1500) * (1 + income.abs())
).unsqueeze(1)
houses = torch.stack([rooms, age, income], dim=1)


def pinball(predicted: Tensor, actual: Tensor) -> Tensor:
    error = actual - predicted
    return torch.maximum(QUANTILES * error, (QUANTILES - 1) * error).mean()


loader = DataLoader(TensorDataset(houses[:1200], price[:1200]), batch_size=100, shuffle=True)
model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 3))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
history = []
for epoch in range(8):
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = pinball(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item()
    history.append(total / len(loader))
with torch.no_grad():
    below = (price[1200:] < model(houses[1200:])).float().mean(0)
print([f"{v:.3f}" for v in history], below.tolist())
assert history[-1] < 0.8 * history[0] and below[0] < 0.25 and below[2] > 0.75
