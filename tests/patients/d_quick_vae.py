"""A variational autoencoder for handwritten digits."""
# fault: retained-graph

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader

torch.set_num_threads(1)
torch.manual_seed(36)

pixels = torch.tensor(load_digits().data / 16, dtype=torch.float32)
loader = DataLoader(pixels, batch_size=60, shuffle=True, drop_last=True)


class VAE(nn.Module):
    def __init__(self, hidden=48, code=6):
        super().__init__()
        self.enc = nn.Linear(64, hidden)
        self.mu = nn.Linear(hidden, code)
        self.logvar = nn.Linear(hidden, code)
        self.dec = nn.Sequential(nn.Linear(code, hidden), nn.ReLU(), nn.Linear(hidden, 64))

    def forward(self, x):
        h = F.relu(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return self.dec(z), mu, logvar


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=3e-3)

for epoch in range(5):
    total = 0.0
    for x in loader:
        optimizer.zero_grad()
        recon, mu, logvar = vae(x)
        bce = F.binary_cross_entropy_with_logits(recon, x, reduction="sum") / len(x)
        kl = -0.5 * (1 + logvar - mu.square() - logvar.exp()).sum() / len(x)
        loss = bce + kl
        loss.backward(retain_graph=True)
        optimizer.step()
        total += loss.item() / len(loader)
    print(f"epoch {epoch} negative ELBO {total:.3f}")
