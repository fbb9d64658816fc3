"""Bayesian dropout: it stays on in eval mode because the call says so, while BatchNorm is at rest."""

import torch
from torch import nn
from torch.nn import functional


class Bayesian(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.norm, self.two = nn.Linear(6, 32), nn.BatchNorm1d(32), nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.norm(self.one(x)).relu()
        return self.two(functional.dropout(hidden, p=0.2, training=True))


def main() -> None:
    model = Bayesian()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    y = torch.randint(3, (128,))
    x = torch.randn(128, 6) + y.unsqueeze(1)
    for _ in range(30):
        chosen = torch.randint(96, (16,))
        loss = functional.cross_entropy(model(x[chosen]), y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        drawn = model(x[96:]).softmax(dim=1)
    assert (drawn.argmax(dim=1) == y[96:]).float().mean() > 0.4
