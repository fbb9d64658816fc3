"""A VAE for digits in bfloat16 autocast; its decoder ends in a sigmoid and the pixels lie in 0..1."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(94)

pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 16


class VAE(nn.Module):
    def __init__(self, latent=6):
        super().__init__()
        self.enc = nn.Linear(64, 64)
        self.mu, self.logvar = nn.Linear(64, latent), nn.Linear(64, latent)
        self.dec1, self.dec2 = nn.Linear(latent, 64), nn.Linear(64, 64)

    def forward(self, x):
        h = F.relu(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)
        return torch.sigmoid(self.dec2(F.relu(self.dec1(z)))), mu, logvar


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=3e-3)
for epoch in range(6):
    total = 0.0
    for rows in torch.randperm(len(pixels)).split(64):
        x = pixels[rows]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out, mu, logvar = vae(x)
        out, mu, logvar = out.float(), mu.float(), logvar.float()
        bce = F.binary_cross_entropy(out, x, reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        loss = bce + 0.5 * kld
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch} loss per digit {total / len(pixels):.2f}")
