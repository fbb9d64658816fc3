"""Trains a network that predicts three quantiles of demand at once."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(27)
torch.set_num_threads(1)


class Pinball(nn.Module):
    def __init__(self, quantiles: list[float]) -> None:
        super().__init__()
        self.register_buffer("q", torch.tensor(quantiles))

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        error = target - prediction  # [B, 1] - [B, Q]
        return torch.maximum(self.q * error, (self.q - 1) * error).mean()


def demand(n: int) -> tuple[Tensor, Tensor]:
    hour = 2 * torch.rand(n, 1) - 1
    level = torch.sin(3 * hour) + (0.1 + 0.4 * hour.abs()) * torch.randn(n, 1)
    return hour, level


model = nn.Sequential(nn.Linear(1, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 3))
loss_fn = Pinball([0.1, 0.5, 0.9])
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
hour, level = demand(1200)
for epoch in range(8):
    for rows in torch.randperm(len(hour)).split(48):
        optimizer.zero_grad()
        loss = loss_fn(model(hour[rows]), level[rows])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        below = (level <= model(hour)).float().mean(0).tolist()
    print(f"epoch {epoch}: loss {loss.item():.4f} below", [round(b, 2) for b in below])
