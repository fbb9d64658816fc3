"""Learns an embedding of digits in which pairs of the same class lie close together."""
# fault: detached-loss

import torch
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(10)

digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)

embed = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 8))
optimizer = torch.optim.Adam(embed.parameters(), lr=1e-3)
MARGIN = 1.0


def contrastive(za, zb, same):
    terms = []
    for a, b, s in zip(za, zb, same):
        d = torch.dist(a, b).item()
        terms.append(d**2 if s else max(0.0, MARGIN - d) ** 2)
    return torch.tensor(terms, requires_grad=True).mean()


for step in range(100):
    i, j = torch.randint(0, len(x), (2, 32))
    optimizer.zero_grad()
    loss = contrastive(embed(x[i]), embed(x[j]), y[i] == y[j])
    loss.backward()
    optimizer.step()
    if step % 25 == 0:
        print(f"step {step}: {loss.item():.4f}")
