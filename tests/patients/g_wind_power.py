"""Trains a forecaster of wind power with a hand-built optimizer factory."""
# fault: diverging-loss

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass
class OptimizerConfig:
    name: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 1e-2
    extra: dict = field(default_factory=lambda: {"maximize": True, "foreach": False})


def make_optimizer(net: nn.Module, cfg: OptimizerConfig) -> torch.optim.Optimizer:
    kinds = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    return kinds[cfg.name](net.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay, **cfg.extra)


def series(n: int = 600) -> Tensor:
    t = torch.arange(n).float()
    wind = torch.sin(t / 9) + 0.5 * torch.sin(t / 31) + 0.15 * torch.randn(n)
    return (wind - wind.mean()) / wind.std()


def windows(values: Tensor, size: int, horizon: int) -> tuple[Tensor, Tensor]:
    pieces = values.unfold(0, size + horizon, 1)
    return pieces[:, :size], pieces[:, size:]


class Forecaster(nn.Module):
    def __init__(self, size: int, horizon: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(size, 48), nn.SiLU(), nn.Linear(48, horizon))

    def forward(self, past: Tensor) -> Tensor:
        return past[:, -1:] + self.net(past)


torch.manual_seed(38)
torch.set_num_threads(1)
past, future = windows(series(), size=24, horizon=6)
model = Forecaster(24, 6)
optimizer = make_optimizer(model, OptimizerConfig())
for i in range(150):
    rows = torch.randint(0, len(past), (48,))
    loss = nn.functional.mse_loss(model(past[rows]), future[rows])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 25 == 0:
        print(f"iteration {i}: loss {loss.item():.4f}")
