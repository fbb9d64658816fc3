"""Trains a small causal transformer whose output layer shares the embedding's weight."""
# fault: none

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(14)

line = "she sells sea shells by the sea shore and the shells she sells are sea shells for sure. "
chars = sorted(set(line))
text = torch.tensor([chars.index(c) for c in line * 8])
SPAN, WIDTH = 24, 32


class Tongue(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(len(chars), WIDTH)
        nn.init.normal_(self.emb.weight, std=0.1)
        self.pos = nn.Parameter(0.1 * torch.randn(SPAN, WIDTH))
        self.block = nn.TransformerEncoderLayer(
            WIDTH, 4, 64, dropout=0.0, batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(WIDTH)
        self.out = nn.Linear(WIDTH, len(chars), bias=False)
        self.out.weight = self.emb.weight
        self.register_buffer("mask", torch.full((SPAN, SPAN), float("-inf")).triu(1))

    def forward(self, tokens):
        h = self.emb(tokens) + self.pos
        return self.out(self.norm(self.block(h, src_mask=self.mask)))


model = Tongue()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
for step in range(150):
    start = torch.randint(0, len(text) - SPAN - 1, (16,))
    chunk = torch.stack([text[s : s + SPAN + 1] for s in start])
    logits = model(chunk[:, :-1])
    loss = F.cross_entropy(logits.reshape(-1, len(chars)), chunk[:, 1:].reshape(-1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0:
        print(f"{step}: {loss.item():.3f}")
