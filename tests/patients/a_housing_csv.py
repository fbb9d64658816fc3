"""An MLP that predicts house prices from a small CSV file."""
# fault: nonfinite-input

import io

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)
rng = np.random.default_rng(0)


def make_csv(rows=400):
    lines = ["rooms,area,age,price"]
    for i in range(rows):
        rooms, area, age = rng.integers(1, 7), rng.normal(110, 30), rng.integers(0, 80)
        price = 40 * rooms + 2.5 * area - 0.8 * age + rng.normal(0, 10)
        age_text = "" if i % 57 == 13 else str(age)
        lines.append(f"{rooms},{area:.1f},{age_text},{price:.2f}")
    return io.StringIO("\n".join(lines))


table = np.genfromtxt(make_csv(), delimiter=",", skip_header=1)
features, price = table[:, :3], table[:, 3:]
mean, std = np.nanmean(features, axis=0), np.nanstd(features, axis=0)
features = (features - mean) / std
price = (price - price.mean()) / price.std()

X = torch.tensor(features, dtype=torch.float32)
y = torch.tensor(price, dtype=torch.float32)

model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.MSELoss()
batch_size = 32

for epoch in range(4):
    order = torch.randperm(len(X))
    running = 0.0
    for start in range(0, len(X), batch_size):
        idx = order[start : start + batch_size]
        optimizer.zero_grad()
        loss = criterion(model(X[idx]), y[idx])
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"epoch {epoch + 1}: loss {running / (len(X) / batch_size):.4f}")
