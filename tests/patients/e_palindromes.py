"""Trains a small transformer to tell toy palindromes from random strings."""
# fault: probabilities-as-logits

from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Setup:
    letters: int = 6
    length: int = 6
    width: int = 32
    heads: int = 4
    lr: float = 2e-3
    steps: int = 200


s = Setup()
torch.set_num_threads(1)
torch.manual_seed(12)


def strings(n):
    text = torch.randint(0, s.letters, (n, s.length))
    label = torch.randint(0, 2, (n,))
    half = s.length // 2
    mirrored = torch.cat([text[:, :half], text[:, :half].flip(1)], 1)
    return torch.where(label[:, None] == 1, mirrored, text), label


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(s.letters, s.width)
        self.pos = nn.Parameter(0.1 * torch.randn(s.length, s.width))
        block = nn.TransformerEncoderLayer(s.width, s.heads, 64, dropout=0.0, batch_first=True)
        self.enc = nn.TransformerEncoder(block, 2)
        self.cls = nn.Linear(s.length * s.width, 2)

    def forward(self, text):
        h = self.enc(self.tok(text) + self.pos)
        return F.softmax(self.cls(h.flatten(1)), dim=-1)


reader = Reader()
opt = torch.optim.Adam(reader.parameters(), lr=s.lr)
for step in range(s.steps):
    text, label = strings(48)
    prob = reader(text)
    loss = F.cross_entropy(prob, label)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 40 == 39:
        acc = (prob.argmax(-1) == label).float().mean().item()
        print(f"step {step + 1}: loss {loss.item():.4f} acc {acc:.3f}")
