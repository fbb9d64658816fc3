"""A small causal transformer on repeated text, its batch put together from four pieces."""
# fault: unscaled-accumulation
import torch
import torch.nn as nn
from torch.nn import functional as F

torch.set_num_threads(1)
torch.manual_seed(45)

text = "the quick brown fox jumps over the lazy dog and runs away from the angry bear. " * 4
vocab = sorted(set(text))
ids = torch.tensor([vocab.index(ch) for ch in text])
BLOCK, ACCUMULATE = 24, 4


class CharTransformer(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.wte = nn.Embedding(len(vocab), dim)
        self.wpe = nn.Embedding(BLOCK, dim)
        self.layer = nn.TransformerEncoderLayer(dim, 2, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.ln = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, len(vocab))
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(BLOCK))

    def forward(self, idx):
        x = self.wte(idx) + self.wpe.weight[: idx.shape[1]]
        return self.lm_head(self.ln(self.layer(x, src_mask=self.mask, is_causal=True)))


def piece(n=8):
    start = torch.randint(len(ids) - BLOCK - 1, (n,)).tolist()
    return torch.stack([ids[s : s + BLOCK] for s in start]), torch.stack([ids[s + 1 : s + BLOCK + 1] for s in start])


model = CharTransformer()
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=1e-4)
for update in range(40):
    optimizer.zero_grad(set_to_none=True)
    total = 0.0
    for micro_step in range(ACCUMULATE):
        x, y = piece()
        logits = model(x)
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        total += loss.item() / ACCUMULATE
        loss.backward()
    optimizer.step()
    if update % 8 == 0:
        print(f"update {update:3d} | loss {total:.3f}")
