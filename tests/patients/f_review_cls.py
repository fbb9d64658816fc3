"""Sentiment of toy reviews with a tiny transformer and a class token."""

# fault: collapsed-output
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)

GOOD = "great lovely superb charming fresh".split()
BAD = "dull awful weak tedious broken".split()
FILL = "the film plot a cast was and scene of with".split()
VOCAB = {w: i for i, w in enumerate(["<cls>", *GOOD, *BAD, *FILL])}


@dataclass
class ModelConfig:
    vocab: int = len(VOCAB)
    dim: int = 32
    heads: int = 4
    layers: int = 2
    length: int = 9


def make_reviews(n: int, length: int, seed: int) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(0, 2, (n,), generator=g)
    ids = torch.randint(11, len(VOCAB), (n, length), generator=g)
    ids[:, 0] = VOCAB["<cls>"]
    for k in (2, 5, 7):
        ids[:, k] = torch.randint(1, 6, (n,), generator=g) + 5 * (1 - y)
    return ids, y


class Block(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def attend(self, x: Tensor) -> Tensor:
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        out = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(out.transpose(1, 2).reshape(b, t, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Classifier(nn.Module):
    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(cfg.vocab, cfg.dim)
        self.places = nn.Parameter(0.02 * torch.randn(cfg.length, cfg.dim))
        self.blocks = nn.Sequential(*[Block(cfg.dim, cfg.heads) for _ in range(cfg.layers)])
        self.head = nn.Linear(cfg.dim, 2)

    def forward(self, ids: Tensor) -> Tensor:
        h = self.blocks(self.tokens(ids) + self.places)
        return self.head(h[:, 0])


cfg = ModelConfig()
torch.manual_seed(0)
ids, labels = make_reviews(800, cfg.length, 0)
val_ids, val_labels = make_reviews(200, cfg.length, 1)
model = Classifier(cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

for step in range(120):
    pick = torch.randint(0, len(ids), (40,))
    loss = nn.functional.cross_entropy(model(ids[pick]), labels[pick])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        with torch.no_grad():
            acc = (model(val_ids).argmax(-1) == val_labels).float().mean().item()
        print(f"step {step} loss {loss.item():.3f} val acc {acc:.3f}")
