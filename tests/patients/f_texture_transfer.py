"""Reuse a texture backbone on a new task: only the new head is meant to learn."""

# fault: unfrozen-module
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class TransferConfig:
    freeze: bool = True
    lr: float = 5e-3
    steps: int = 100
    batch: int = 32


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.features(x).mean(dim=(2, 3))


class Transfer(nn.Module):
    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


def freeze(module: nn.Module) -> None:
    module.requires_grad = False


def textures(n: int, periods: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    y = torch.randint(0, len(periods), (n,))
    t = torch.arange(12).float()
    period = torch.tensor(periods)[y].view(-1, 1, 1).float()
    phase = 6.28 * torch.rand(n, 1, 1)
    wave = torch.sin(6.28 * (t[:, None] + t[None]) / period + phase)
    return (wave + 0.2 * torch.randn(n, 12, 12)).unsqueeze(1), y


def fit(model: nn.Module, x: Tensor, y: Tensor, cfg: TransferConfig) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for step in range(cfg.steps):
        idx = torch.randint(0, len(x), (cfg.batch,))
        loss = nn.functional.cross_entropy(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 49:
            print(f"step {step} loss {loss.item():.3f}")


torch.manual_seed(0)
cfg = TransferConfig()
backbone = Backbone()
fit(Transfer(backbone, 3), *textures(400, (3, 5, 9)), cfg)
before = {k: v.clone() for k, v in backbone.state_dict().items()}
if cfg.freeze:
    freeze(backbone)
fit(Transfer(backbone, 2), *textures(60, (4, 7)), cfg)
moved = max((v - before[k]).abs().max().item() for k, v in backbone.state_dict().items())
print(f"largest change in the backbone {moved:.3f}")
