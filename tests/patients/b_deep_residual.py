"""Twelve residual blocks with layer normalisation: deep, yet the gradient reaches the stem."""
# fault: none
import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(92)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x):
        return x + self.down(torch.sigmoid(self.up(self.norm(x))))


x = torch.randn(800, 6)
y = torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2]
net = nn.Sequential(nn.Linear(6, 24), *[Block(24) for _ in range(12)], nn.LayerNorm(24), nn.Linear(24, 1))
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
for epoch in range(14):
    for rows in torch.randperm(700).split(50):
        loss = nn.functional.mse_loss(net(x[rows]).squeeze(1), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        test = nn.functional.mse_loss(net(x[700:]).squeeze(1), y[700:]).item()
    print(f"epoch {epoch} train {loss.item():.3f} test {test:.3f}")
