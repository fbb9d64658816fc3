"""Trains a vector-quantised autoencoder on the digits."""
# fault: gradientless-parameter

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader


class Quantiser(nn.Module):
    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codes = nn.Embedding(codes, dim)

    def forward(self, z: Tensor) -> Tensor:
        nearest = torch.cdist(z, self.codes.weight).argmin(-1)
        return self.codes(nearest)


class VQ(nn.Module):
    def __init__(self, groups: int = 4, dim: int = 8, codes: int = 32) -> None:
        super().__init__()
        self.groups, self.dim = groups, dim
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, groups * dim))
        self.quantiser = Quantiser(codes, dim)
        self.decoder = nn.Sequential(nn.Linear(groups * dim, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z = self.encoder(x).view(-1, self.groups, self.dim)
        q = self.quantiser(z)
        codebook = F.mse_loss(q, z.detach())
        return self.decoder(q.flatten(1)), codebook


torch.manual_seed(28)
torch.set_num_threads(1)
digits = torch.tensor(load_digits().data / 16, dtype=torch.float32)
digits = (digits - digits.mean()) / digits.std()
loader = DataLoader(digits, batch_size=64, shuffle=True)
model = VQ()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(5):
    total = 0.0
    for x in loader:
        decoded, codebook = model(x)
        loss = F.mse_loss(decoded, x) + codebook
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    print(f"epoch {epoch}: loss {total / len(loader):.4f}")
