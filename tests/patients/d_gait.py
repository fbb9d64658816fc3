"""Recognise the kind of gait from three accelerometer channels with a GRU."""
# fault: mixed-samples

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(17)

STEPS, CHANNELS, CLASSES = 20, 3, 3


def record(n):
    kind = torch.randint(0, CLASSES, (n,))
    t = torch.linspace(0, 1, STEPS)
    freq = (1.0 + 1.5 * kind.float()).view(n, 1, 1)
    phase = torch.rand(n, 1, CHANNELS) * 2 * math.pi
    walk = torch.sin(2 * math.pi * freq * t.view(1, STEPS, 1) + phase)
    return walk + 0.1 * torch.randn(n, STEPS, CHANNELS), kind


class GaitNet(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(CHANNELS, hidden)
        self.head = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        # nn.GRU wants (time, batch, channels)
        batch, steps, channels = x.shape
        states, _ = self.gru(x.view(steps, batch, channels))
        return self.head(states[-1])


model = GaitNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
criterion = nn.CrossEntropyLoss()
x_test, y_test = record(200)

for it in range(120):
    xb, yb = record(32)
    loss = criterion(model(xb), yb)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if it % 30 == 29:
        model.eval()
        with torch.no_grad():
            acc = (model(x_test).argmax(1) == y_test).float().mean().item()
        model.train()
        print(f"it {it + 1}: loss {loss.item():.3f}, test accuracy {acc:.3f}")
