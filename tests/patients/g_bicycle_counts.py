"""Trains a regression of the number of bicycles that pass in an hour."""
# fault: none

import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(40)
torch.set_num_threads(1)

n = 1000
hour = 24 * torch.rand(n)
rain = (torch.rand(n) < 0.3).float()
angle = hour / 24 * 2 * math.pi
mean = torch.exp(1.2 - 1.0 * torch.cos(angle) - 0.6 * rain)
bicycles = torch.poisson(mean)

X = torch.stack([torch.sin(angle), torch.cos(angle), rain], dim=1)
y = bicycles.unsqueeze(1)
loader = DataLoader(TensorDataset(X, y), batch_size=50, shuffle=True)

model = nn.Sequential(nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

for epoch in range(10):
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch}: mse {total / len(loader):.3f}, variance {y.var().item():.3f}")
