"""Contrastive learning of two views (InfoNCE), then a linear probe on the frozen encoder."""
# fault: none

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(1)

images, labels = load_digits(return_X_y=True)
images = torch.tensor(images / 16, dtype=torch.float32)
labels = torch.tensor(labels)


def augment(x):
    keep = (torch.rand_like(x) > 0.25).float()
    return x * keep + 0.1 * torch.randn_like(x)


encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
projector = nn.Sequential(nn.ReLU(), nn.Linear(48, 24))
optimizer = torch.optim.Adam([*encoder.parameters(), *projector.parameters()], lr=2e-3)

for epoch in range(4):
    for rows in torch.randperm(1500).split(100):
        x = images[rows]
        a = F.normalize(projector(encoder(augment(x))), dim=1)
        b = F.normalize(projector(encoder(augment(x))), dim=1)
        similarity = a @ b.t() / 0.2
        target = torch.arange(len(x))
        loss = (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.t(), target)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch + 1}: contrastive loss {loss.item():.3f}")

probe = nn.Linear(48, 10)
probe_optimizer = torch.optim.Adam(probe.parameters(), lr=2e-2)
with torch.no_grad():
    codes = encoder(images)
for step in range(60):
    loss = F.cross_entropy(probe(codes[:1500]), labels[:1500])
    probe_optimizer.zero_grad()
    loss.backward()
    probe_optimizer.step()
with torch.no_grad():
    print(f"linear probe: {(probe(codes[1500:]).argmax(1) == labels[1500:]).float().mean():.3f}")
