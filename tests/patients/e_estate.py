"""Predicts house prices from a synthetic table of estate features."""
# fault: nonfinite-input

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(3)
rng = np.random.default_rng(3)

n = 640
rooms = rng.integers(1, 9, n)
age = rng.uniform(0, 90, n)
garden = np.where(
    rng.random(n) < 0.3, 0.0, rng.gamma(2.0, 120.0, n)
)  # square metres, flats have none
distance = rng.gamma(3.0, 2.0, n)
price = 55 * rooms - 0.8 * age + 0.05 * garden - 9 * distance + rng.normal(0, 15, n)

table = np.stack([rooms, age, np.log(garden), np.log1p(distance)], axis=1)
table = (table - table.mean(0)) / table.std(0)
price = (price - price.mean()) / price.std()

data = TensorDataset(
    torch.tensor(table, dtype=torch.float32), torch.tensor(price, dtype=torch.float32)[:, None]
)
loader = DataLoader(data, batch_size=64, shuffle=True)

net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
criterion = nn.MSELoss()

for epoch in range(8):
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"epoch {epoch}: mse {running / len(loader):.4f}")
