"""Trains a gated mixture of small experts on a piecewise surface."""

# fault: unregistered-module
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(6)


@dataclass(frozen=True)
class MoeConfig:
    inputs: int = 4
    hidden: int = 16
    experts: int = 4


class Expert(nn.Module):
    def __init__(self, cfg: MoeConfig) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(cfg.inputs, cfg.hidden), nn.GELU(), nn.Linear(cfg.hidden, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


class Mixture(nn.Module):
    def __init__(self, cfg: MoeConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(cfg.inputs, cfg.experts)
        self.experts = [Expert(cfg) for _ in range(cfg.experts)]

    def forward(self, x: Tensor) -> Tensor:
        weights = self.gate(x).softmax(dim=-1)
        answers = torch.cat([expert(x) for expert in self.experts], dim=-1)
        return (weights * answers).sum(dim=-1)


def surface(x: Tensor) -> Tensor:
    return torch.where(x[:, 0] > 0, 2 * x[:, 1], -3 * x[:, 2]) + 0.5 * x[:, 3]


model = Mixture(MoeConfig())
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
for step in range(150):
    x = torch.randn(64, 4)
    loss = nn.functional.mse_loss(model(x), surface(x))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 0 or step == 149:
        print(f"{step} loss {loss.item():.4f}")
