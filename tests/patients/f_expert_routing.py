"""A mixture of four experts with top-1 routing: in a step, some experts may get no rows."""

# fault: none
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class MoEConfig:
    dim: int = 6
    experts: int = 4
    width: int = 24
    batch: int = 32
    steps: int = 250
    lr: float = 5e-3
    balance: float = 0.02


class MoE(nn.Module):
    def __init__(self, cfg: MoEConfig) -> None:
        super().__init__()
        self.router = nn.Linear(cfg.dim, cfg.experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(cfg.dim, cfg.width), nn.ReLU(), nn.Linear(cfg.width, 1))
            for _ in range(cfg.experts)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gate = self.router(x).softmax(dim=1)
        weight, choice = gate.max(dim=1)
        out = torch.zeros(len(x))
        for i, expert in enumerate(self.experts):
            rows = (choice == i).nonzero().squeeze(1)
            if len(rows):
                value = weight[rows] * expert(x[rows]).squeeze(1)
                out = out.index_add(0, rows, value)
        share = F.one_hot(choice, len(self.experts)).float().mean(0)
        return out, len(self.experts) * (share * gate.mean(0)).sum()


def piecewise(n: int, dim: int) -> tuple[Tensor, Tensor]:
    x = torch.randn(n, dim)
    left = torch.where(x[:, 0] > 0, 2 * x[:, 2], -x[:, 3])
    right = torch.where(x[:, 0] > 0, x[:, 4] - x[:, 5], x[:, 2] + x[:, 5])
    return x, torch.where(x[:, 1] > 0, left, right)


torch.manual_seed(0)
cfg = MoEConfig()
model = MoE(cfg)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for step in range(cfg.steps):
    x, y = piecewise(cfg.batch, cfg.dim)
    out, crowding = model(x)
    loss = F.mse_loss(out, y) + cfg.balance * crowding
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 50 == 49:
        print(f"step {step} loss {loss.item():.3f} crowding {crowding.item():.2f}")
