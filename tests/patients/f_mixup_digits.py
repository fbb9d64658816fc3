"""Digits with mixup: soft targets and a small residual network."""

# fault: swapped-arguments
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class Settings:
    alpha: float = 0.3
    classes: int = 10
    lr: float = 1e-3
    batch: int = 64
    steps: int = 180


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())

    def forward(self, x: Tensor) -> Tensor:
        return x + self.net(x)


class Mixup:
    def __init__(self, cfg: Settings) -> None:
        self.beta = torch.distributions.Beta(cfg.alpha, cfg.alpha)
        self.classes = cfg.classes

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        lam = float(self.beta.sample())
        other = torch.randperm(len(x))
        soft = F.one_hot(y, self.classes).float()
        return lam * x + (1 - lam) * x[other], lam * soft + (1 - lam) * soft[other]


def objective(target: Tensor, logits: Tensor) -> Tensor:
    return F.cross_entropy(target, logits)


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


torch.manual_seed(3)
cfg = Settings()
raw = load_digits()
x, y = torch.tensor(raw.data, dtype=torch.float32) / 16, torch.tensor(raw.target)
model = nn.Sequential(nn.Linear(64, 48), Residual(48), Residual(48), nn.Linear(48, 10))
optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
mixup = Mixup(cfg)

for step in range(cfg.steps):
    pick = torch.randint(0, 1400, (cfg.batch,))
    mixed, soft = mixup(x[pick], y[pick])
    loss = objective(soft, model(mixed))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 45 == 44:
        print(f"{step} loss {loss.item():.3f} acc {accuracy(model, x[1400:], y[1400:]):.3f}")
