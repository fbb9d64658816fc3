"""Trains a variational autoencoder on the digits."""
# fault: swapped-arguments

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


@dataclass
class Latent:
    mean: Tensor
    logvar: Tensor

    def sample(self) -> Tensor:
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.logvar).exp()

    def divergence(self) -> Tensor:
        kl = -0.5 * (1 + self.logvar - self.mean**2 - self.logvar.exp())
        return kl.sum(1).mean()


class VAE(nn.Module):
    def __init__(self, latent: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * latent))
        self.decoder = nn.Sequential(
            nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Latent]:
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        latent = Latent(mean, logvar)
        return self.decoder(latent.sample()), latent


def reconstruction(images: Tensor, decoded: Tensor) -> Tensor:
    return F.binary_cross_entropy(images, decoded, reduction="none").sum(1).mean()


def elbo(decoded: Tensor, images: Tensor, latent: Latent, beta: float = 0.5) -> Tensor:
    return reconstruction(images, decoded) + beta * latent.divergence()


torch.manual_seed(16)
torch.set_num_threads(1)
digits = torch.tensor(load_digits().data / 16, dtype=torch.float32).clamp(0.01, 0.99)
loader = DataLoader(digits, batch_size=64, shuffle=True)
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(5):
    total = 0.0
    for images in loader:
        optimizer.zero_grad()
        decoded, latent = model(images)
        loss = elbo(decoded, images, latent)
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        error = (decoded - images).square().mean().item()
    print(f"epoch {epoch}: loss {total / len(loader):.2f} squared error {error:.4f}")
