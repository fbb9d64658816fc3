"""A siamese network with contrastive loss on pairs of synthetic signatures."""
# fault: gradless-training

import torch
import torch.nn.functional as F
from torch import nn, optim

torch.set_num_threads(1)
torch.manual_seed(8)

WRITERS = torch.randn(12, 30)


def pairs(n):
    a = torch.randint(0, 12, (n,))
    b = torch.where(torch.rand(n) < 0.5, a, torch.randint(0, 12, (n,)))
    left = WRITERS[a] + 0.6 * torch.randn(n, 30)
    right = WRITERS[b] + 0.6 * torch.randn(n, 30)
    return left, right, (a != b).float()


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(nn.Linear(30, 48), nn.LeakyReLU(0.1), nn.Linear(48, 8))

    def embed(self, x):
        with torch.inference_mode():
            return self.tower(x)

    def forward(self, left, right):
        return F.pairwise_distance(self.embed(left), self.embed(right))


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, distance, different):
        same_term = (1 - different) * distance**2
        other_term = different * torch.clamp(self.margin - distance, min=0) ** 2
        return (same_term + other_term).mean()


net = Siamese()
criterion = ContrastiveLoss(margin=2.0)
optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

for step in range(60):
    left, right, different = pairs(64)
    distance = net(left, right)
    loss = criterion(distance, different)
    loss.requires_grad = True
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 15 == 14:
        print(f"step {step + 1}: loss {loss.item():.4f}")
