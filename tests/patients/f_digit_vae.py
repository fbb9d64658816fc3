"""A variational autoencoder on digits; the likelihood is summed over pixels and rows."""

# fault: none
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass(frozen=True)
class VAEConfig:
    latent: int = 4
    width: int = 64
    beta: float = 1.0
    lr: float = 3e-3
    epochs: int = 8


class Output(NamedTuple):
    logits: Tensor
    mean: Tensor
    log_var: Tensor


class VAE(nn.Module):
    def __init__(self, cfg: VAEConfig) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, cfg.width), nn.ReLU())
        self.to_mean = nn.Linear(cfg.width, cfg.latent)
        self.to_log_var = nn.Linear(cfg.width, cfg.latent)
        self.decoder = nn.Sequential(
            nn.Linear(cfg.latent, cfg.width), nn.ReLU(), nn.Linear(cfg.width, 64)
        )

    def forward(self, x: Tensor) -> Output:
        h = self.encoder(x)
        mean, log_var = self.to_mean(h), self.to_log_var(h)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp()
        return Output(self.decoder(z), mean, log_var)


def negative_elbo(out: Output, x: Tensor, beta: float) -> Tensor:
    reconstruction = F.binary_cross_entropy_with_logits(out.logits, x, reduction="sum")
    divergence = -0.5 * (1 + out.log_var - out.mean.square() - out.log_var.exp()).sum()
    return reconstruction + beta * divergence


torch.manual_seed(0)
cfg = VAEConfig()
x = torch.tensor(load_digits().data, dtype=torch.float32) / 16
model = VAE(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for epoch in range(cfg.epochs):
    total = 0.0
    for idx in torch.randperm(len(x)).split(100):
        loss = negative_elbo(model(x[idx]), x[idx], cfg.beta)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} negative elbo {total:.0f}")
with torch.no_grad():
    new = torch.sigmoid(model.decoder(torch.randn(5, cfg.latent)))
print("mean ink of samples", new.mean(1).tolist())
