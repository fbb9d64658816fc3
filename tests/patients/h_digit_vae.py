"""Trains a variational autoencoder on digits, the divergence warmed up from zero."""

# fault: none
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(10)


@dataclass
class Output:
    logits: Tensor
    mean: Tensor
    log_var: Tensor


class Vae(nn.Module):
    def __init__(self, latent: int = 8) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
        self.to_mean, self.to_log_var = nn.Linear(64, latent), nn.Linear(64, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> Output:
        hidden = self.encoder(x)
        mean, log_var = self.to_mean(hidden), self.to_log_var(hidden)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return Output(self.decoder(z), mean, log_var)


def negative_elbo(out: Output, x: Tensor, beta: float) -> tuple[Tensor, float]:
    reconstruction = F.binary_cross_entropy_with_logits(out.logits, x, reduction="sum") / len(x)
    kl = -0.5 * (1 + out.log_var - out.mean.square() - out.log_var.exp()).sum(1).mean()
    return reconstruction + beta * kl, reconstruction.item()


x = torch.tensor(load_digits().data / 16, dtype=torch.float32)
model = Vae()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
step, curve = 0, []
for epoch in range(10):
    for rows in torch.randperm(len(x)).split(100):
        loss, reconstruction = negative_elbo(model(x[rows]), x[rows], beta=min(1.0, step / 100))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
    curve.append(reconstruction)
print([round(v, 2) for v in curve])
assert curve[-1] < curve[0]
