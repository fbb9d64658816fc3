"""Trains a gated recurrent network to forecast a synthetic tide gauge."""
# fault: retained-graph

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(42)

hours = torch.arange(0, 1400.0)
level = torch.sin(hours / 1.97) + 0.4 * torch.sin(hours / 1.9) + 0.03 * torch.randn(1400)
windows = level.unfold(0, 25, 2)
past, nxt = windows[:, :24, None], windows[:, 24:]


class Gauge(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.cell = nn.GRU(1, hidden, batch_first=True)
        self.read = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.cell(x)
        return self.read(h[-1])


gauge = Gauge()
optimizer = torch.optim.Adam(gauge.parameters(), lr=1e-2)
mse = nn.MSELoss()
for epoch in range(4):
    for idx in torch.randperm(len(past)).split(32):
        loss = mse(gauge(past[idx]), nxt[idx])
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
        nn.utils.clip_grad_value_(gauge.parameters(), 1.0)
        optimizer.step()
    print(f"epoch {epoch}: {loss.item():.4f}")
