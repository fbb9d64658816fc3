"""Predict a mean and a variance; the Gaussian likelihood makes the loss go below zero."""

# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(0)

x = torch.rand(1000, 1) * 4 - 2
y = 0.5 * x.square() - 1 + (0.02 + 0.04 * x.abs()) * torch.randn(1000, 1)

net = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 2))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

for epoch in range(40):
    for idx in torch.randperm(1000).split(100):
        mean, log_var = net(x[idx]).chunk(2, dim=1)
        loss = 0.5 * (log_var + (y[idx] - mean) ** 2 / log_var.exp()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 8 == 7:
        print(f"epoch {epoch} nll {loss.item():.4f}")

with torch.no_grad():
    mean, log_var = net(torch.tensor([[-1.5], [0.0], [1.5]])).chunk(2, dim=1)
print("mean", mean.squeeze(1).tolist(), "std", (0.5 * log_var).exp().squeeze(1).tolist())
