"""Trains digits against small attacks made by the gradient with respect to the pixels."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(26)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
net = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)


def attack(pixels, label, size=0.1):
    pixels = pixels.clone().requires_grad_(True)
    F.cross_entropy(net(pixels), label).backward()
    return (pixels + size * pixels.grad.sign()).clamp(0, 1).detach()


for step in range(150):
    idx = torch.randint(0, 1400, (64,))
    hard = attack(x[idx], y[idx])
    optimizer.zero_grad()
    loss = F.cross_entropy(net(hard), y[idx])
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        hard = attack(x[1400:], y[1400:])
        with torch.no_grad():
            plain = (net(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
            tough = (net(hard).argmax(1) == y[1400:]).float().mean().item()
        print(f"{step + 1}: loss {loss.item():.3f} plain {plain:.3f} attacked {tough:.3f}")
