"""Forward kinematics of a two-joint arm, with an optional mixed-precision path."""

# fault: missing-backward
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class ArmConfig:
    precision: str = "bf16"
    lr: float = 3e-3
    steps: int = 150
    batch: int = 64


def kinematics(angles: Tensor) -> Tensor:
    a, b = angles.unbind(-1)
    return torch.stack([a.cos() + 0.7 * (a + b).cos(), a.sin() + 0.7 * (a + b).sin()], -1)


class Engine:
    def __init__(self, cfg: ArmConfig, model: nn.Module) -> None:
        self.cfg = cfg
        self.model = model
        self.optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
        self.use_amp = cfg.precision == "bf16"

    def _autocast(self):
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.use_amp else nullcontext()

    def _backward(self, loss: Tensor) -> None:
        if not self.use_amp:
            loss.backward()

    def step(self, angles: Tensor) -> float:
        with self._autocast():
            out = self.model(angles)
        loss = nn.functional.mse_loss(out.float(), kinematics(angles))
        self.optimizer.zero_grad()
        self._backward(loss)
        self.optimizer.step()
        return loss.item()


torch.manual_seed(0)
cfg = ArmConfig()
engine = Engine(cfg, nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 2)))
for step in range(cfg.steps):
    value = engine.step(torch.rand(cfg.batch, 2) * 6.28 - 3.14)
    if step % 30 == 29:
        print(f"step {step} loss {value:.4f}")
