"""A variational autoencoder for points from four blobs."""
# fault: gradientless-parameter
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from torch.distributions import Normal

torch.set_num_threads(1)
torch.manual_seed(55)

points, _ = make_blobs(600, centers=4, n_features=5, random_state=2)
points = torch.tensor(points, dtype=torch.float32)
points = (points - points.mean(0)) / points.std(0)


class VAE(nn.Module):
    def __init__(self, latent=2):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(5, 32), nn.ReLU())
        self.mu = nn.Linear(32, latent)
        self.dec = nn.Sequential(nn.Linear(latent, 32), nn.ReLU(), nn.Linear(32, 5))
        self.scale = 0.1

    def forward(self, x):
        q = Normal(self.mu(self.enc(x)), self.scale)
        z = q.sample()
        return self.dec(z)


vae = VAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=1e-2)
for epoch in range(15):
    total = 0.0
    for rows in torch.randperm(600).split(60):
        reconstruction = vae(points[rows])
        loss = ((reconstruction - points[rows]) ** 2).sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    if epoch % 3 == 0:
        print(f"epoch {epoch} reconstruction error {total / 10:.4f}")
