"""Trains an autoencoder with a rectified code on synthetic absorption spectra."""
# fault: dead-units

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(6)

grid = torch.linspace(0, 1, 60)


def spectra(n):
    centre = 0.1 + 0.8 * torch.rand(n, 3, 1)
    height = 0.3 + torch.rand(n, 3, 1)
    return (height * torch.exp(-(((grid - centre) / 0.06) ** 2))).sum(1)


class Autoencoder(nn.Module):
    def __init__(self, code=24):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(60, 64), nn.ReLU(), nn.Linear(64, code), nn.ReLU())
        self.decode = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 60))
        # a low offset makes the codes sparse from the beginning
        nn.init.uniform_(self.encode[0].bias, -5.0, -4.0)

    def forward(self, x):
        return self.decode(self.encode(x))


net = Autoencoder()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
pool = spectra(512)
for step in range(200):
    batch = pool[torch.randint(0, 512, (32,))]
    loss = ((net(batch) - batch) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 40 == 0:
        print(f"{step:4d}  reconstruction {loss.item():.5f}  (variance {batch.var(0).mean():.5f})")
