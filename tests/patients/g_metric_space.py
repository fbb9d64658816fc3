"""Trains an embedding of wine in which cultivars lie apart."""
# fault: nonfinite-gradient

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn


def distances(z: Tensor) -> Tensor:
    difference = z[:, None, :] - z[None, :, :]
    return difference.square().sum(-1).sqrt()


def contrastive(z: Tensor, labels: Tensor, margin: float = 2.0) -> Tensor:
    d = distances(z)
    same = labels[:, None] == labels[None, :]
    pull = d[same].mean()
    push = (margin - d[~same]).clamp(min=0).square().mean()
    return pull + push


def train(net: nn.Module, x: Tensor, labels: Tensor, steps: int, size: int) -> None:
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    for i in range(steps):
        rows = torch.randperm(len(x))[:size]
        loss = contrastive(net(x[rows]), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if i % 20 == 0:
            print(f"iteration {i}: loss {loss.item():.4f}")


torch.manual_seed(30)
torch.set_num_threads(1)
data, target = load_wine(return_X_y=True)
x = torch.tensor(data, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
net = nn.Sequential(nn.Linear(13, 32), nn.SiLU(), nn.Linear(32, 4))
train(net, x, torch.tensor(target), steps=100, size=32)
