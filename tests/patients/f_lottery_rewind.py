"""Magnitude pruning with rewinding to the initial weights, on synthetic tabular data."""

# fault: orphaned-optimizer | unheld-parameter
import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class PruneConfig:
    keep: float = 0.6
    lr: float = 5e-3
    steps: int = 100
    batch: int = 64


class Experiment:
    def __init__(self, cfg: PruneConfig, model: nn.Module) -> None:
        self.cfg = cfg
        self.initial = copy.deepcopy(model)
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
        self.masks: dict[str, Tensor] = {}

    def rewind(self) -> None:
        """Masks the smallest weights and puts the others back to where they started."""
        for name, p in self.model.named_parameters():
            if p.dim() > 1:
                cut = p.detach().abs().flatten().quantile(1 - self.cfg.keep)
                self.masks[name] = (p.detach().abs() > cut).float()
        self.model = copy.deepcopy(self.initial)
        self._apply_masks()

    @torch.no_grad()
    def _apply_masks(self) -> None:
        for name, p in self.model.named_parameters():
            if name in self.masks:
                p.mul_(self.masks[name])

    def train_round(self, x: Tensor, y: Tensor) -> None:
        for step in range(self.cfg.steps):
            idx = torch.randint(0, len(x), (self.cfg.batch,))
            loss = nn.functional.cross_entropy(self.model(x[idx]), y[idx])
            self.model.zero_grad()
            loss.backward()
            self.optimizer.step()
            self._apply_masks()
            if step % 50 == 49:
                print(f"  step {step} loss {loss.item():.3f}")


torch.manual_seed(2)
x = torch.randn(1000, 10)
y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()
net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 3))
experiment = Experiment(PruneConfig(), net)
for sparsity_round in range(3):
    print(f"round {sparsity_round}")
    experiment.train_round(x, y)
    experiment.rewind()
