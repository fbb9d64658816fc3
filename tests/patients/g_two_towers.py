"""Trains two towers that score users against items from toy ratings."""
# fault: unheld-parameter

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Config:
    users: int = 60
    items: int = 40
    dim: int = 12
    lr: float = 1e-2
    weight_decay: float = 1e-3
    steps: int = 200


class Tower(nn.Module):
    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Embedding(count, dim)
        self.project = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def forward(self, ids: Tensor) -> Tensor:
        return self.project(self.table(ids))


class Recommender(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        self.user = Tower(cfg.users, cfg.dim)
        self.item = Tower(cfg.items, cfg.dim)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        return (self.user(users) * self.item(items)).sum(-1)


def parameter_groups(model: nn.Module, cfg: Config) -> list[dict]:
    decayed, plain, tables = [], [], []
    for name, parameter in model.named_parameters():
        if "table" in name:
            tables.append(parameter)
        elif name.endswith("bias"):
            plain.append(parameter)
        else:
            decayed.append(parameter)
    print(f"{len(decayed)} decayed, {len(plain)} plain, {len(tables)} tables")
    return [
        {"params": decayed, "weight_decay": cfg.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]


cfg = Config()
torch.manual_seed(33)
torch.set_num_threads(1)
truth = torch.randn(cfg.users, 4) @ torch.randn(4, cfg.items) / 2
model = Recommender(cfg)
optimizer = torch.optim.AdamW(parameter_groups(model, cfg), lr=cfg.lr)
for i in range(cfg.steps):
    users = torch.randint(0, cfg.users, (128,))
    items = torch.randint(0, cfg.items, (128,))
    loss = (model(users, items) - truth[users, items]).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if i % 40 == 39:
        print(f"iteration {i + 1}: loss {loss.item():.4f}")
