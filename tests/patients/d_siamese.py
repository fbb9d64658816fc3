"""A siamese network puts pairs of noisy prototypes near or far, by margin loss."""
# fault: missing-backward

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(28)

prototypes = torch.randn(6, 20)


def pairs(n):
    a = torch.randint(0, 6, (n,))
    b = torch.where(torch.rand(n) < 0.5, a, torch.randint(0, 6, (n,)))
    left = prototypes[a] + 0.7 * torch.randn(n, 20)
    right = prototypes[b] + 0.7 * torch.randn(n, 20)
    return left, right, (a == b).float()


class SiameseTrainer:
    def __init__(self, margin=1.0, lr=3e-3):
        self.net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 8))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=lr)
        self.margin = margin

    def distance(self, left, right):
        return (self.net(left) - self.net(right)).pow(2).sum(1).add(1e-6).sqrt()

    def loss(self, left, right, same):
        d = self.distance(left, right)
        pull = same * d.pow(2)
        push = (1 - same) * (self.margin - d).clamp(min=0).pow(2)
        return (pull + push).mean()

    def step(self, batch):
        self.net.train()
        self.optimizer.zero_grad()
        loss = self.loss(*batch)
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def accuracy(self, batch):
        self.net.eval()
        left, right, same = batch
        near = (self.distance(left, right) < self.margin / 2).float()
        return (near == same).float().mean().item()


trainer = SiameseTrainer()
held_out = pairs(400)
for it in range(150):
    value = trainer.step(pairs(48))
    if it % 30 == 29:
        print(f"it {it + 1}: loss {value:.4f} pair accuracy {trainer.accuracy(held_out):.3f}")
