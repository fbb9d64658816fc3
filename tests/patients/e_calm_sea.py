"""Forecasts the next point of a synthetic swell with a temporal convolution."""
# fault: kept-graph

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(61)

t = torch.arange(2000) * 0.1
swell = torch.sin(t) + 0.5 * torch.sin(2.3 * t + 1) + 0.05 * torch.randn(2000)
windows = swell.unfold(0, 33, 1)
past, future = windows[:, :32].unsqueeze(1), windows[:, 32:]

net = nn.Sequential(
    nn.Conv1d(1, 12, 5),
    nn.ReLU(),
    nn.Conv1d(12, 12, 5, dilation=2),
    nn.ReLU(),
    nn.Flatten(),
    nn.Linear(12 * 20, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
criterion = nn.MSELoss()

history = []
for epoch in range(3):
    total_loss = 0
    batches = torch.randperm(len(past)).split(50)
    for idx in batches:
        optimizer.zero_grad()
        loss = criterion(net(past[idx]), future[idx])
        loss.backward()
        optimizer.step()
        total_loss += loss
    history.append(total_loss / len(batches))
    print(f"epoch {epoch}: {history[-1]:.5f}")
