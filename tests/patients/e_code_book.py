"""Trains a small autoencoder of digits with a learned code book and straight-through codes."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(36)

x = torch.tensor(load_digits().data / 16.0, dtype=torch.float32)


class Quantiser(nn.Module):
    def __init__(self, codes=32, size=8):
        super().__init__()
        self.book = nn.Parameter(0.3 * torch.randn(codes, size))

    def forward(self, z):
        nearest = torch.cdist(z, self.book).argmin(-1)
        q = self.book[nearest]
        loss = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        return z + (q - z).detach(), loss, nearest


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
        self.quantise = Quantiser()
        self.dec = nn.Sequential(nn.Linear(32, 96), nn.ReLU(), nn.Linear(96, 64), nn.Sigmoid())

    def forward(self, pixels):
        z = self.enc(pixels).view(-1, 4, 8)
        q, loss, nearest = self.quantise(z)
        return self.dec(q.flatten(1)), loss, nearest


model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for step in range(200):
    batch = x[torch.randint(0, len(x), (64,))]
    recon, code_loss, nearest = model(batch)
    recon_loss = F.mse_loss(recon, batch)
    loss = recon_loss + 0.3 * code_loss
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        used = nearest.unique().numel()
        print(f"{step + 1}: reconstruction {recon_loss.item():.4f} codes used {used}")
