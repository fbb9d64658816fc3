"""A variational autoencoder on scikit-learn's digits."""
# fault: gradless-training

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(0)


class VAE(nn.Module):
    def __init__(self, latent=8):
        super().__init__()
        self.encode_layer = nn.Linear(64, 48)
        self.mu = nn.Linear(48, latent)
        self.logvar = nn.Linear(48, latent)
        self.decode_layer = nn.Linear(latent, 48)
        self.output = nn.Linear(48, 64)

    def encode(self, x):
        h = F.relu(self.encode_layer(x))
        return self.mu(h), self.logvar(h)

    def decode(self, z):
        return torch.sigmoid(self.output(F.relu(self.decode_layer(z))))

    @torch.no_grad()
    def forward(self, x):
        mu, logvar = self.encode(x)
        z = mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)
        return self.decode(z), mu, logvar


def vae_loss(reconstruction, x, mu, logvar):
    bce = F.binary_cross_entropy(reconstruction, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return (bce + kl) / x.size(0)


images = torch.tensor(load_digits().data / 16, dtype=torch.float32)
loader = DataLoader(TensorDataset(images), batch_size=128, shuffle=True)
vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-3)

for epoch in range(4):
    total = 0.0
    for (x,) in loader:
        reconstruction, mu, logvar = vae(x)
        loss = vae_loss(reconstruction, x, mu, logvar)
        loss.requires_grad_(True)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch + 1}: loss {total / len(loader):.3f}")
