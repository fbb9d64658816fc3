"""The samples of a batch look at each other on purpose: an encoder over (batch, 1, features)."""

import torch
from torch import nn
from torch.nn import functional


class Together(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lift, self.head = nn.Linear(6, 16), nn.Linear(16, 3)
        self.meet = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.meet(self.lift(x).unsqueeze(1)).squeeze(1))


def main() -> None:
    model = Together()
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(40):
        y = torch.randint(3, (24,))
        loss = functional.cross_entropy(model(torch.randn(24, 6) + y.unsqueeze(1)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
