"""A tiny decoder with tied weights and a causal mask learns to continue number rows."""
# fault: none

import math

import torch
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(95)

VOCAB, LENGTH, DIM = 13, 12, 32


def rows(n):
    start = torch.randint(0, VOCAB, (n, 1))
    stride = torch.randint(1, 5, (n, 1))
    return (start + stride * torch.arange(LENGTH)) % VOCAB


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(VOCAB, DIM)
        self.places = nn.Parameter(0.1 * torch.randn(LENGTH, DIM))
        self.qkv = nn.Linear(DIM, 3 * DIM)
        self.join = nn.Linear(DIM, DIM)
        self.norm1, self.norm2 = nn.LayerNorm(DIM), nn.LayerNorm(DIM)
        self.mlp = nn.Sequential(nn.Linear(DIM, 64), nn.GELU(), nn.Linear(64, DIM))
        self.register_buffer("mask", torch.ones(LENGTH, LENGTH).tril().bool())
        nn.init.normal_(self.tokens.weight, std=0.3)

    def forward(self, ids):
        n = ids.shape[1]
        h = self.tokens(ids) + self.places[:n]
        q, k, v = self.qkv(self.norm1(h)).chunk(3, dim=-1)
        score = torch.einsum("bqd,bkd->bqk", q, k) / math.sqrt(DIM)
        weight = score.masked_fill(~self.mask[:n, :n], float("-inf")).softmax(dim=-1)
        h = h + self.join(torch.einsum("bqk,bkd->bqd", weight, v))
        h = h + self.mlp(self.norm2(h))
        return h @ self.tokens.weight.T


model = Decoder()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, s / 15))

for step in range(220):
    batch = rows(48)
    logits = model(batch[:, :-1])
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), batch[:, 1:])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    if step % 55 == 54:
        acc = (logits[:, -1].argmax(-1) == batch[:, -1]).float().mean().item()
        print(f"step {step + 1}: loss {loss.item():.3f}, last number right {acc:.3f}")
