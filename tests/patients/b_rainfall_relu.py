"""Rainfall is never negative, and neither is the output of this network."""
# fault: none
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(93)

weather = torch.randn(900, 5)
rain = torch.relu(weather[:, :1] + 0.7 * weather[:, 1:2] + 0.2 * torch.randn(900, 1))
train = DataLoader(TensorDataset(weather[:800], rain[:800]), batch_size=40, shuffle=True)
model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1), nn.ReLU())
nn.init.constant_(model[2].bias, 0.5)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
criterion = nn.L1Loss()
for epoch in range(10):
    model.train()
    for x, y in train:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        error = criterion(model(weather[800:]), rain[800:]).item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} absolute error {error:.4f} (mean alone {(rain - rain.mean()).abs().mean().item():.3f})")
