"""Trains a multi-label tagger of small synthetic images."""
# fault: probabilities-as-logits

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True)
class Config:
    size: int = 12
    tags: int = 4
    steps: int = 160
    batch: int = 48
    lr: float = 2e-3
    positive_weight: float = 2.0


def images(n: int, cfg: Config) -> tuple[Tensor, Tensor]:
    """Each tag lights one quadrant of the image."""
    tags = (torch.rand(n, cfg.tags) < 0.3).float()
    canvas = 0.3 * torch.rand(n, 1, cfg.size, cfg.size)
    half = cfg.size // 2
    for k in range(cfg.tags):
        top, left = half * (k // 2), half * (k % 2)
        canvas[:, 0, top : top + half, left : left + half] += 0.3 * tags[:, k, None, None]
    return canvas, tags


class Head(nn.Module):
    def __init__(self, width: int, tags: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, tags)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features).sigmoid()


class Tagger(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * (cfg.size // 2) ** 2, 48),
            nn.ReLU(),
        )
        self.head = Head(48, cfg.tags)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


def weighted_loss(scores: Tensor, tags: Tensor, cfg: Config) -> Tensor:
    weight = torch.where(tags > 0, cfg.positive_weight, 1.0)
    return F.binary_cross_entropy_with_logits(scores, tags, weight=weight)


cfg = Config()
torch.manual_seed(14)
torch.set_num_threads(1)
x, tags = images(960, cfg)
model = Tagger(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for step in range(cfg.steps):
    rows = torch.randint(0, len(x), (cfg.batch,))
    optimizer.zero_grad()
    loss = weighted_loss(model(x[rows]), tags[rows], cfg)
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        print(f"step {step + 1}: loss {loss.item():.4f}")
