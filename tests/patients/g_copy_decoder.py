"""Trains a tiny causal transformer to repeat the first half of a sequence."""
# fault: zero-learning-rate

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR


@dataclass(frozen=True)
class Config:
    vocab: int = 12
    half: int = 5
    dim: int = 32
    heads: int = 4
    layers: int = 2
    lr: float = 3e-3
    warmup: int = 120
    steps: int = 150
    batch: int = 24


class Decoder(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.embed = nn.Embedding(cfg.vocab, cfg.dim)
        self.place = nn.Embedding(2 * cfg.half, cfg.dim)
        layer = nn.TransformerEncoderLayer(
            cfg.dim, cfg.heads, 64, dropout=0.0, batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.head = nn.Linear(cfg.dim, cfg.vocab)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        x = self.embed(ids) + self.place(torch.arange(length))
        return self.head(self.body(x, mask=mask, is_causal=True))


def warmup_schedule(optimizer: torch.optim.Optimizer, cfg: Config) -> LambdaLR:
    def factor(step: int) -> float:
        return min(1.0, step // cfg.warmup)

    return LambdaLR(optimizer, factor)


def batch(cfg: Config) -> Tensor:
    half = torch.randint(0, cfg.vocab, (cfg.batch, cfg.half))
    return torch.cat([half, half], 1)


cfg = Config()
torch.manual_seed(35)
torch.set_num_threads(1)
model = Decoder(cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
schedule = warmup_schedule(optimizer, cfg)
for step in range(cfg.steps):
    ids = batch(cfg)
    logits = model(ids[:, :-1])[:, cfg.half - 1 :]
    loss = F.cross_entropy(logits.flatten(0, 1), ids[:, cfg.half :].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if step % 25 == 24:
        print(f"step {step + 1}: loss {loss.item():.4f}")
