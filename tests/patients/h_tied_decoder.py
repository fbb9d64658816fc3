"""Trains a causal transformer with tied embeddings to copy out the alphabet from anywhere."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(14)


@dataclass
class ModelConfig:
    vocab: int = 26
    width: int = 32
    heads: int = 4
    context: int = 12
    layers: int = 2


class Decoder(nn.Module):
    def __init__(self, cfg: ModelConfig) -> None:
        super().__init__()
        self.tokens = nn.Embedding(cfg.vocab, cfg.width)
        self.places = nn.Parameter(torch.zeros(cfg.context, cfg.width))
        layer = nn.TransformerEncoderLayer(
            cfg.width, cfg.heads, 64, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(layer, cfg.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(cfg.width)
        self.head = nn.Linear(cfg.width, cfg.vocab, bias=False)
        self.head.weight = self.tokens.weight
        nn.init.normal_(self.tokens.weight, std=0.1)

    def forward(self, ids: Tensor) -> Tensor:
        length = ids.size(1)
        mask = nn.Transformer.generate_square_subsequent_mask(length)
        hidden = self.blocks(self.tokens(ids) + self.places[:length], mask=mask, is_causal=True)
        return self.head(self.norm(hidden))


def decay_groups(model: nn.Module, decay: float) -> list[dict]:
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    return [{"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0}]


cfg = ModelConfig()
model = Decoder(cfg)
optimizer = torch.optim.AdamW(decay_groups(model, 0.01), lr=5e-3)
history = []
for step in range(70):
    starts = torch.randint(0, 26, (24, 1))
    strides = torch.randint(1, 3, (24, 1))
    ids = (starts + strides * torch.arange(cfg.context + 1)) % 26
    logits = model(ids[:, :-1])
    loss = nn.functional.cross_entropy(logits.reshape(-1, cfg.vocab), ids[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())
print(f"{history[0]:.3f} -> {history[-1]:.3f}")
assert history[-1] < 0.6 * history[0]
