"""Counts of events by a Poisson network, the likelihood summed over the batch."""
# fault: none

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(84)

x = torch.randn(900, 5)
rate = torch.exp(1.0 + 0.5 * x[:, 0] - 0.4 * x[:, 1] * x[:, 2])
count = torch.poisson(rate.clamp(max=40.0)).unsqueeze(1)
loader = DataLoader(TensorDataset(x[:700], count[:700]), batch_size=100, shuffle=True)

net = nn.Sequential(nn.Linear(5, 32), nn.SiLU(), nn.Linear(32, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
likelihood = nn.PoissonNLLLoss(log_input=True, full=True, reduction="sum")

for epoch in range(20):
    net.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = likelihood(net(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            val = likelihood(net(x[700:]), count[700:]).item() / 200
        print(f"epoch {epoch + 1}: summed {total:.1f}, per held-out row {val:.4f}")
