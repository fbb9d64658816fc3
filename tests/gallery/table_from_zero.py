"""A table of logits begins at zero and learns slowly: its loss is near a constant answer's, and falls."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as fn


def main() -> None:
    chances = (2 * torch.randn(27, 27)).softmax(1)
    table = nn.Embedding(27, 27)
    nn.init.zeros_(table.weight)
    optimizer = torch.optim.AdamW(table.parameters(), lr=5e-4, betas=(0.9, 0.99))
    for _ in range(200):
        letters = torch.randint(27, (256,))
        following = torch.multinomial(chances[letters], 1)[:, 0]
        loss = fn.cross_entropy(table(letters), following)
        table.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
