"""A tiny character transformer whose output layer shares the embedding."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)

TEXT = "the cat sat on the mat and the dog sat on the log while the hen ran to the den . " * 12


@dataclass
class GPTConfig:
    vocab: int
    context: int = 24
    dim: int = 32
    heads: int = 4
    layers: int = 2
    lr: float = 4e-3
    warmup: int = 10
    steps: int = 100


class GPT(nn.Module):
    def __init__(self, cfg: GPTConfig) -> None:
        super().__init__()
        self.cfg = cfg
        self.embed = nn.Embedding(cfg.vocab, cfg.dim)
        self.place = nn.Embedding(cfg.context, cfg.dim)
        layer = nn.TransformerEncoderLayer(
            cfg.dim, cfg.heads, 4 * cfg.dim, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(cfg.dim)
        self.out = nn.Linear(cfg.dim, cfg.vocab, bias=False)
        nn.init.normal_(self.embed.weight, std=0.05)
        nn.init.normal_(self.place.weight, std=0.05)
        self.out.weight = self.embed.weight

    def forward(self, ids: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        h = self.embed(ids) + self.place(torch.arange(ids.shape[1]))
        return self.out(self.norm(self.blocks(h, mask=mask, is_causal=True)))


def sample(data: Tensor, cfg: GPTConfig, n: int = 16) -> tuple[Tensor, Tensor]:
    at = torch.randint(0, len(data) - cfg.context - 1, (n, 1)) + torch.arange(cfg.context)
    return data[at], data[at + 1]


torch.manual_seed(0)
letters = sorted(set(TEXT))
data = torch.tensor([letters.index(c) for c in TEXT])
cfg = GPTConfig(vocab=len(letters))
model = GPT(cfg)
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, s / cfg.warmup))
for step in range(cfg.steps):
    x, y = sample(data, cfg)
    loss = nn.functional.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 20 == 19:
        print(f"step {step} loss {loss.item():.3f} rate {schedule.get_last_lr()[0]:.1e}")
