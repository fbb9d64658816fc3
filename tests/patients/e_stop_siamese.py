"""Learns digit features from two views with a predictor and a stopped gradient."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(29)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)


class Siamese(nn.Module):
    def __init__(self, width=64, out=32):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, out),
            nn.BatchNorm1d(out, affine=False),
        )
        self.predictor = nn.Sequential(nn.Linear(out, 16), nn.ReLU(), nn.Linear(16, out))

    def forward(self, a, b):
        za, zb = self.encoder(a), self.encoder(b)
        return self.predictor(za), self.predictor(zb), za.detach(), zb.detach()


def augment(batch):
    return batch * (torch.rand_like(batch) > 0.15) + 0.03 * torch.randn_like(batch)


model = Siamese()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
for step in range(120):
    batch = x[torch.randint(0, 1400, (96,))]
    pa, pb, za, zb = model(augment(batch), augment(batch))
    loss = -(F.cosine_similarity(pa, zb).mean() + F.cosine_similarity(pb, za).mean()) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"{step}: {loss.item():.4f}")
model.eval()
with torch.no_grad():
    z = F.normalize(model.encoder(x), dim=1)
    near = (z[1400:] @ z[:1400].T).argmax(1)
print("nearest neighbour accuracy", (y[near] == y[1400:]).float().mean().item())
