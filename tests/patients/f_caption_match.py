"""CLIP-like contrastive matching of toy images and captions, in-batch negatives."""

# fault: none
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class MatchConfig:
    colours: int = 6
    things: int = 6
    dim: int = 24
    batch: int = 32
    steps: int = 150
    lr: float = 3e-3


class Matcher(nn.Module):
    def __init__(self, cfg: MatchConfig) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(20, 48), nn.ReLU(), nn.Linear(48, cfg.dim))
        self.words = nn.EmbeddingBag(cfg.colours + cfg.things, cfg.dim, mode="mean")
        self.text = nn.Linear(cfg.dim, cfg.dim)
        self.log_scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image: Tensor, caption: Tensor) -> Tensor:
        a = F.normalize(self.image(image), dim=1)
        b = F.normalize(self.text(self.words(caption)), dim=1)
        return self.log_scale.exp() * a @ b.T


def symmetric_loss(similarity: Tensor) -> Tensor:
    target = torch.arange(len(similarity))
    return 0.5 * (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target))


torch.manual_seed(0)
cfg = MatchConfig()
mixing = torch.randn(cfg.colours + cfg.things, 20)


def scenes(n: int) -> tuple[Tensor, Tensor]:
    pair = torch.randperm(cfg.colours * cfg.things)[:n]
    caption = torch.stack([pair // cfg.things, cfg.colours + pair % cfg.things], dim=1)
    return mixing[caption].sum(1) + 0.1 * torch.randn(n, 20), caption


model = Matcher(cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=0.01)
for step in range(cfg.steps):
    similarity = model(*scenes(cfg.batch))
    loss = symmetric_loss(similarity)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        top1 = (similarity.argmax(1) == torch.arange(cfg.batch)).float().mean().item()
        print(f"step {step} loss {loss.item():.3f} top-1 {top1:.3f}")
