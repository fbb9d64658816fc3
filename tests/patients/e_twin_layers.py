"""Trains a classifier of wine with three hidden layers of equal width."""
# fault: gradientless-parameter

import torch
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(26)

x, y = load_wine(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor(y)


class WineNet(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.fc_in = nn.Linear(13, width)
        self.fc_a = nn.Linear(width, width)
        self.fc_b = nn.Linear(width, width)
        self.fc_out = nn.Linear(width, 3)

    def forward(self, x):
        x = F.leaky_relu(self.fc_in(x))
        x = F.leaky_relu(self.fc_a(x))
        x = F.leaky_relu(self.fc_a(x))
        return self.fc_out(x)


net = WineNet()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
before = {k: v.detach().clone() for k, v in net.named_parameters()}
for epoch in range(8):
    for idx in torch.randperm(len(x)).split(20):
        loss = F.cross_entropy(net(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch}: loss {loss.item():.4f}")
for name, value in net.named_parameters():
    print(f"{name:14s} moved by {(value - before[name]).norm().item():.4f}")
