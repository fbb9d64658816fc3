"""Three layers and a ReLU that learn a wave."""
# fault: linear-stack

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(30)


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.input = nn.Linear(1, hidden)
        self.relu = nn.ReLU()
        self.middle = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(0.05)
        self.output = nn.Linear(hidden, 1)

    def forward(self, x):
        x = self.input(x)
        x = self.middle(x)
        x = self.dropout(x)
        return self.output(x)


def sample(n):
    x = 2 * torch.rand(n, 1) - 1
    return x, torch.sin(2 * math.pi * x)


net = Net(64)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for step in range(150):
    x, y = sample(64)
    loss = nn.functional.l1_loss(net(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 30 == 29:
        print(f"step {step + 1}: {loss.item():.4f}")

net.eval()
with torch.no_grad():
    x, y = sample(500)
    print(f"final error {nn.functional.l1_loss(net(x), y).item():.4f}")
