"""A VAE whose decoder and encoder are scored by sampling in evaluation, too."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(23)


def blobs(n):
    where = torch.rand(n, 2) * 6 + 1
    grid = torch.stack(
        torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij"), -1
    ).view(-1, 2)
    return torch.exp(-((grid[None] - where[:, None]) ** 2).sum(-1) / 3)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 8))
        self.decoder = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x):
        mu, logvar = self.encoder(x).chunk(2, dim=1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.decoder(z), mu, logvar


def elbo(model, x):
    logits, mu, logvar = model(x)
    reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar).sum(1)
    return (reconstruction + kl).mean()


train, test = blobs(800), blobs(200)
model = VAE()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(12):
    model.train()
    for rows in torch.randperm(800).split(50):
        loss = elbo(model, train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        bound = torch.stack([elbo(model, test) for _ in range(3)]).mean()
    if epoch % 4 == 3:
        print(f"epoch {epoch + 1}: test bound {bound.item():.3f}")
