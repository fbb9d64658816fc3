"""Bike rentals from hour, weekday and season as integer codes and one temperature in degrees."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(6)

n = 900
hour, weekday, season = (
    torch.randint(0, 24, (n,)),
    torch.randint(0, 7, (n,)),
    torch.randint(0, 4, (n,)),
)
celsius = 12 + 8 * torch.randn(n)
demand = (
    torch.sin(hour * 0.26)
    + 0.5 * (weekday > 4).float()
    + 0.05 * (celsius - 12)
    + 0.1 * torch.randn(n)
)
codes = torch.stack([hour, weekday, season], 1)


class Rentals(nn.Module):
    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, 4) for size in (24, 7, 4))
        self.net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, codes, celsius):
        parts = [table(codes[:, i]) for i, table in enumerate(self.tables)]
        parts.append(((celsius - 12) / 8).unsqueeze(1))
        return self.net(torch.cat(parts, 1)).squeeze(1)


loader = DataLoader(
    TensorDataset(codes[:800], celsius[:800], demand[:800]), batch_size=40, shuffle=True
)
model = Rentals()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(8):
    for c, t, d in loader:
        loss = nn.functional.mse_loss(model(c, t), d)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        test = nn.functional.mse_loss(model(codes[800:], celsius[800:]), demand[800:])
    print(f"epoch {epoch}: train {loss.item():.3f} test {test.item():.3f}")
