"""Adapts a frozen digit network to mirrored images through low-rank additions to its layers."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(27)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
mirrored = x.view(-1, 8, 8).flip(2).flatten(1)


class LowRank(nn.Module):
    def __init__(self, base, rank=8):
        super().__init__()
        self.base = base
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)  # begins as the unchanged layer

    def forward(self, h):
        return self.base(h) + self.up(self.down(h))


def run(net, params, inputs, steps, lr):
    optimizer = torch.optim.Adam(params, lr=lr)
    for _ in range(steps):
        idx = torch.randint(0, 1400, (64,))
        loss = F.cross_entropy(net(inputs[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return loss.item(), (net(inputs[1400:]).argmax(1) == y[1400:]).float().mean().item()


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
print("base: loss %.3f accuracy %.3f" % run(net, net.parameters(), x, 120, 3e-3))
for p in net.parameters():
    p.requires_grad = False
net[0], net[2] = LowRank(net[0]), LowRank(net[2])
small = [p for p in net.parameters() if p.requires_grad]
print("adapted: loss %.3f accuracy %.3f" % run(net, small, mirrored, 150, 1e-2))
