"""Diabetes progression, standardised, by a network assembled from blocks."""

# fault: unreachable-target
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class NetConfig:
    widths: Sequence[int] = (10, 48, 24, 1)
    dropout: float = 0.0
    lr: float = 3e-3
    epochs: int = 20


class Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(n_in, n_out)
        self.act = nn.Softplus()
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.drop(self.act(self.linear(x)))


def build(cfg: NetConfig) -> nn.Sequential:
    pairs = zip(cfg.widths, cfg.widths[1:], strict=False)
    return nn.Sequential(*[Block(a, b, cfg.dropout) for a, b in pairs])


def standardise(t: Tensor) -> Tensor:
    return (t - t.mean(0)) / t.std(0)


torch.manual_seed(0)
cfg = NetConfig()
features, target = load_diabetes(return_X_y=True)
x = standardise(torch.tensor(features, dtype=torch.float32))
y = standardise(torch.tensor(target, dtype=torch.float32)).unsqueeze(1)
model = build(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)

for epoch in range(cfg.epochs):
    for idx in torch.randperm(360).split(40):
        loss = nn.functional.mse_loss(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        with torch.no_grad():
            val = nn.functional.mse_loss(model(x[360:]), y[360:]).item()
        print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f}")
