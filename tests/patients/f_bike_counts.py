"""Hourly bicycle counts, scored by the root mean squared logarithmic error."""

# fault: nonfinite-loss
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

n = 1000
hour = 24 * torch.rand(n)
warm = torch.randn(n)
rain = (torch.rand(n) < 0.3).float()
rate = torch.exp(1.0 + 0.9 * torch.cos((hour - 15) / 3.82) + 0.4 * warm - rain)
counts = torch.poisson(rate)

X = torch.stack([torch.cos(hour / 3.82), torch.sin(hour / 3.82), warm, rain], dim=1)
y = counts.unsqueeze(1)

model = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9)


def rmsle(pred, target):
    return torch.sqrt(((torch.log1p(pred) - torch.log1p(target)) ** 2).mean())


for epoch in range(10):
    for idx in torch.randperm(n).split(50):
        loss = rmsle(model(X[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} rmsle {loss.item():.4f}")
