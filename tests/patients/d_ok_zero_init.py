"""Residual blocks whose last layer starts at zero, on a rippled surface."""
# fault: none

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(87)

x = torch.rand(900, 2) * 4 - 2
y = (torch.sin(2 * x[:, :1]) * torch.cos(2 * x[:, 1:])) + 0.02 * torch.randn(900, 1)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, h):
        return h + self.down(torch.relu(self.up(h)))


net = nn.Sequential(nn.Linear(2, 32), Block(32), Block(32), nn.LayerNorm(32), nn.Linear(32, 1))
nn.init.zeros_(net[-1].weight)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)

for epoch in range(25):
    net.train()
    for rows in torch.randperm(700).split(50):
        loss = nn.functional.mse_loss(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        net.eval()
        with torch.no_grad():
            val = nn.functional.mse_loss(net(x[700:]), y[700:]).item()
        print(f"epoch {epoch + 1}: train {loss.item():.4f} val {val:.4f}")
