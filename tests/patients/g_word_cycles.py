"""Trains a small language model that shares its embedding with its output layer."""
# fault: none

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TEXT = (
    "the cat saw the dog and the dog saw the bird and the bird saw the cat . "
    "the cat ran and the dog ran after the cat . the bird flew over the dog . "
) * 12


@dataclass
class Config:
    dim: int = 32
    context: int = 8
    lr: float = 3e-3
    min_lr: float = 0.0
    warmup: int = 10
    steps: int = 150


class Block(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attend = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.mlp = nn.Sequential(
            nn.LayerNorm(dim), nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim)
        )

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        mask = torch.ones(n, n, dtype=torch.bool).triu(1)
        h = self.norm(x)
        x = x + self.attend(h, h, h, attn_mask=mask, need_weights=False)[0]
        return x + self.mlp(x)


class LM(nn.Module):
    def __init__(self, vocab: int, cfg: Config) -> None:
        super().__init__()
        self.token = nn.Embedding(vocab, cfg.dim)
        self.place = nn.Parameter(0.02 * torch.randn(cfg.context, cfg.dim))
        self.block = Block(cfg.dim)
        self.head = nn.Linear(cfg.dim, vocab, bias=False)
        nn.init.normal_(self.token.weight, std=0.1)
        self.head.weight = self.token.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.block(self.token(ids) + self.place))


def rate(step: int, cfg: Config) -> float:
    if step < cfg.warmup:
        return step / cfg.warmup
    return (cfg.steps - 1 - step) / (cfg.steps - 1 - cfg.warmup)


torch.manual_seed(18)
torch.set_num_threads(1)
cfg = Config()
words = TEXT.split()
vocab = {w: i for i, w in enumerate(sorted(set(words)))}
data = torch.tensor([vocab[w] for w in words])
model = LM(len(vocab), cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
for step in range(cfg.steps):
    for group in optimizer.param_groups:
        group["lr"] = cfg.lr * rate(step, cfg)
    starts = torch.randint(0, len(data) - cfg.context - 1, (24,))
    rows = data[starts[:, None] + torch.arange(cfg.context + 1)]
    loss = F.cross_entropy(model(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        print(f"step {step + 1}: loss {loss.item():.4f} lr {optimizer.param_groups[0]['lr']:.5f}")
