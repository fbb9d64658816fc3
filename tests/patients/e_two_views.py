"""Learns digit features without labels by matching two noisy views of each image."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(22)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
encoder = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32))
projector = nn.Sequential(nn.ReLU(), nn.Linear(32, 16))
params = list(encoder.parameters()) + list(projector.parameters())
optimizer = torch.optim.Adam(params, lr=3e-3)


def view(batch):
    return batch * (torch.rand_like(batch) > 0.2) + 0.05 * torch.randn_like(batch)


def info_nce(a, b, temperature=0.2):
    z = F.normalize(torch.cat([a, b]), dim=1)
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(-1e9)
    n = len(a)
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, partner)


for step in range(120):
    batch = x[torch.randint(0, 1400, (64,))]
    loss = info_nce(projector(encoder(view(batch))), projector(encoder(view(batch))))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"{step}: {loss.item():.3f}")

encoder.eval()
with torch.no_grad():
    z = F.normalize(encoder(x), dim=1)
    nearest = (z[1400:] @ z[:1400].T).argmax(1)
    print("nearest neighbour accuracy", (y[nearest] == y[1400:]).float().mean().item())
