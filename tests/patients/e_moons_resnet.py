"""Trains a residual network on two interleaved half moons."""
# fault: unregistered-module

import torch
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(4)


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(width, width)
        self.b = nn.Linear(width, width)

    def forward(self, h):
        return h + self.b(torch.tanh(self.a(h)))


class ResNet(nn.Module):
    def __init__(self, width=16, depth=3):
        super().__init__()
        self.stem = nn.Linear(2, width)
        self.blocks = {f"block{i}": Residual(width) for i in range(depth)}
        self.head = nn.Linear(width, 1)

    def forward(self, x):
        h = self.stem(x)
        for name in sorted(self.blocks):
            h = self.blocks[name](h)
        return self.head(h).squeeze(-1)


points, side = make_moons(600, noise=0.15, random_state=4)
points = torch.tensor(points, dtype=torch.float32)
side = torch.tensor(side, dtype=torch.float32)

net = ResNet()
print("trainable parameters:", sum(p.numel() for p in net.parameters() if p.requires_grad))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
loss_fn = nn.BCEWithLogitsLoss()
for step in range(150):
    idx = torch.randint(0, 600, (50,))
    loss = loss_fn(net(points[idx]), side[idx])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 49:
        print(f"step {step + 1}: {loss.item():.4f}")
