"""Reverse short sequences with a transformer under bfloat16 autocast, residuals start at zero."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class ReverseConfig:
    symbols: int = 8
    length: int = 6
    dim: int = 48
    heads: int = 4
    lr: float = 5e-3
    steps: int = 130
    clip: float = 1.0


class Block(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.up, self.down = nn.Linear(dim, 2 * dim), nn.Linear(2 * dim, dim)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Reverser(nn.Module):
    def __init__(self, cfg: ReverseConfig) -> None:
        super().__init__()
        self.symbol = nn.Embedding(cfg.symbols, cfg.dim)
        self.place = nn.Embedding(cfg.length, cfg.dim)
        self.block = Block(cfg.dim, cfg.heads)
        self.out = nn.Linear(cfg.dim, cfg.symbols)

    def forward(self, ids: Tensor) -> Tensor:
        return self.out(self.block(self.symbol(ids) + self.place.weight))


def step(model: nn.Module, opt: torch.optim.Optimizer, ids: Tensor, clip: float) -> float:
    opt.zero_grad(set_to_none=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids)
    loss = nn.functional.cross_entropy(logits.float().flatten(0, 1), ids.flip(1).flatten())
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    opt.step()
    return loss.item()


torch.manual_seed(0)
cfg = ReverseConfig()
model = Reverser(cfg)
opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
for i in range(cfg.steps):
    value = step(model, opt, torch.randint(0, cfg.symbols, (32, cfg.length)), cfg.clip)
    if i % 26 == 25:
        print(f"step {i} loss {value:.3f}")
