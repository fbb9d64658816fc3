"""Trains a digits classifier in micro-batches to save memory, plain SGD."""

# fault: unscaled-accumulation
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(18)


@dataclass(frozen=True)
class Config:
    micro: int = 16
    accumulate: int = 12
    lr: float = 0.5
    momentum: float = 0.9


class Stepper:
    def __init__(self, model: nn.Module, cfg: Config) -> None:
        self.model, self.cfg, self.count = model, cfg, 0
        self.optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=cfg.momentum)

    def __call__(self, x: Tensor, y: Tensor) -> float:
        loss = nn.functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.count += 1
        if self.count % self.cfg.accumulate == 0:
            self.optimizer.step()
            self.optimizer.zero_grad()
        return loss.item()


cfg = Config()
digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
loader = DataLoader(TensorDataset(x[:1728], y[:1728]), batch_size=cfg.micro, shuffle=True)
stepper = Stepper(nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)), cfg)
for epoch in range(4):
    losses = [stepper(a, b) for a, b in loader]
    print(f"epoch {epoch} mean loss {sum(losses) / len(losses):.3f}")
