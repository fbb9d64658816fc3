"""Metric learning on synthetic signatures: a siamese network with a margin loss."""

# fault: nonfinite-gradient
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class PairConfig:
    writers: int = 10
    dim: int = 16
    margin: float = 1.0
    lr: float = 3e-3
    steps: int = 80
    batch: int = 64


class Embedder(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, 32), nn.ReLU(), nn.Linear(32, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def sample_pairs(bank: Tensor, owner: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    left = torch.randint(0, len(bank), (n,))
    right = torch.randint(0, len(bank), (n,))
    return bank[left], bank[right], (owner[left] == owner[right]).float()


def distance(a: Tensor, b: Tensor) -> Tensor:
    return torch.sqrt((a - b).pow(2).sum(dim=-1))


def contrastive(a: Tensor, b: Tensor, same: Tensor, margin: float) -> Tensor:
    d = distance(a, b)
    return (same * d.pow(2) + (1 - same) * (margin - d).clamp(min=0).pow(2)).mean()


torch.manual_seed(0)
cfg = PairConfig()
owner = torch.arange(cfg.writers).repeat_interleave(6)
bank = torch.randn(cfg.writers, cfg.dim)[owner] + 0.3 * torch.randn(len(owner), cfg.dim)
model = Embedder(cfg.dim)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for step in range(cfg.steps):
    a, b, same = sample_pairs(bank, owner, cfg.batch)
    loss = contrastive(model(a), model(b), same, cfg.margin)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"step {step} loss {loss.item():.4f}")
