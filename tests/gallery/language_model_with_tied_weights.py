"""A recurrent language model: tied weights, detached hidden state, unshuffled text."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 16)
        self.rnn = nn.GRU(16, 16, batch_first=True)
        self.out = nn.Linear(16, 40, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, h = self.rnn(self.embed(x), h)
        return self.out(y), h


def main() -> None:
    text = torch.randint(40, (8, 401)).sort(dim=1).values
    model, h = Model(), torch.zeros(1, 8, 16)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for start in range(0, 400, 10):
        x, y = text[:, start : start + 10], text[:, start + 1 : start + 11]
        logits, h = model(x, h.detach())
        loss = F.cross_entropy(logits.reshape(-1, 40), y.reshape(-1))
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
