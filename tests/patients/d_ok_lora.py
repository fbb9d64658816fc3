"""Adapt a frozen digits network to transposed pictures with low-rank adapters."""
# fault: none

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(79)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 8 - 1, dtype=torch.float32)
y = torch.tensor(y)
flipped = x.view(-1, 8, 8).transpose(1, 2).flatten(1)


class Adapter(nn.Module):
    def __init__(self, base, rank=4):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x))


def fit(net, data, epochs, lr):
    optimizer = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), lr=lr)
    for _ in range(epochs):
        for xb, yb in DataLoader(data, batch_size=50, shuffle=True):
            loss = nn.functional.cross_entropy(net(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


def accuracy(net, inputs):
    net.eval()
    with torch.no_grad():
        return (net(inputs).argmax(1) == y[1400:]).float().mean().item()


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
print("base loss", round(fit(net, TensorDataset(x[:1000], y[:1000]), 6, 3e-3), 4))
print("plain", accuracy(net, x[1400:]), "transposed", accuracy(net, flipped[1400:]))
net[0], net[2] = Adapter(net[0]), Adapter(net[2])
print("adapter loss", round(fit(net, TensorDataset(flipped[:1400], y[:1400]), 8, 1e-2), 4))
print("transposed after adapting", accuracy(net, flipped[1400:]))
