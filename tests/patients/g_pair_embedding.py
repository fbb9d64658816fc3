"""Trains an embedding of the digits from pairs of equal and unequal classes."""
# fault: detached-loss

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
torch.set_num_threads(1)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32)
y = torch.tensor(y)

net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
margin = 1.0

for i in range(60):
    left = torch.randint(0, len(X), (32,))
    right = torch.randint(0, len(X), (32,))
    a = net(X[left])
    b = net(X[right])

    losses = []
    for k in range(32):
        distance = F.pairwise_distance(a[k : k + 1], b[k : k + 1])
        if y[left[k]] == y[right[k]]:
            losses.append(distance.item() ** 2)
        else:
            losses.append(max(0.0, margin - distance.item()) ** 2)
    loss = torch.tensor(losses, requires_grad=True).mean()

    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 10 == 0:
        print(f"iteration {i}: {loss.item():.4f}")
