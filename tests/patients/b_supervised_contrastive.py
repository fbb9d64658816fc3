"""Supervised contrastive learning: every sample of the batch is compared with every other."""
# fault: none
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(98)

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1400], y[:1400]), batch_size=100, shuffle=True, drop_last=True)
encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.Adam(encoder.parameters(), lr=3e-3)


def contrastive(z, labels, temperature=0.2):
    z = F.normalize(z, dim=1)
    similarity = z @ z.t() / temperature
    itself = torch.eye(len(z), dtype=torch.bool)
    positive = (labels[:, None] == labels[None, :]) & ~itself
    log_prob = similarity - torch.logsumexp(similarity.masked_fill(itself, float("-inf")), dim=1, keepdim=True)
    return -(log_prob * positive).sum(1).div(positive.sum(1).clamp(min=1)).mean()


for epoch in range(6):
    for xb, yb in loader:
        loss = contrastive(encoder(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        train, test = F.normalize(encoder(x[:1400]), dim=1), F.normalize(encoder(x[1400:]), dim=1)
        neighbour = (test @ train.t()).argmax(1)
        print(f"epoch {epoch} loss {loss.item():.3f} nearest neighbour {(y[neighbour] == y[1400:]).float().mean():.3f}")
