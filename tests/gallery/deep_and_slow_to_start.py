"""Twelve layers with tiny first gradients under Adam; a long recurrence with clipping."""

import torch
from torch import nn
from torch.nn import functional


def batch(y: torch.Tensor) -> torch.Tensor:
    return torch.eye(3)[y].repeat(1, 3)[:, :8] * 2 + 0.3 * torch.randn(len(y), 8)


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.head = nn.RNN(8, 16, batch_first=True), nn.Linear(16, 3)
        nn.init.normal_(self.rnn.weight_hh_l0, std=0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x.unsqueeze(1).expand(-1, 40, -1))[0][:, -1])


def main() -> None:
    hidden = [layer for _ in range(10) for layer in (nn.Linear(32, 32), nn.GELU())]
    deep = nn.Sequential(nn.Linear(8, 32), nn.GELU(), *hidden, nn.Linear(32, 3))
    for model, clip, rate in ((deep, 0.0, 3e-3), (Reader(), 1.0, 1e-3)):
        optimizer = torch.optim.Adam(model.parameters(), rate)
        for _ in range(60):
            y = torch.randint(3, (32,))
            loss = functional.cross_entropy(model(batch(y)), y)
            optimizer.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
