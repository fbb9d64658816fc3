"""Domain-adversarial features: a shared encoder, a label head and a domain head."""

# fault: stale-gradient
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class DannConfig:
    lr_task: float = 0.05
    lr_domain: float = 0.05
    strength: float = 0.1
    steps: int = 200
    batch: int = 64


class Dann:
    def __init__(self, cfg: DannConfig) -> None:
        self.cfg = cfg
        self.encoder = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU())
        self.labels = nn.Linear(16, 2)
        self.domains = nn.Linear(16, 1)
        self.task_opt = torch.optim.SGD(
            [*self.encoder.parameters(), *self.labels.parameters()], lr=cfg.lr_task
        )
        self.domain_opt = torch.optim.SGD(self.domains.parameters(), lr=cfg.lr_domain)

    def task_step(self, x: Tensor, y: Tensor, d: Tensor) -> float:
        h = self.encoder(x)
        confusion = F.binary_cross_entropy_with_logits(self.domains(h).squeeze(1), 1 - d)
        loss = F.cross_entropy(self.labels(h), y) + self.cfg.strength * confusion
        self.task_opt.zero_grad()
        loss.backward()
        self.task_opt.step()
        return loss.item()

    def domain_step(self, x: Tensor, d: Tensor) -> float:
        with torch.no_grad():
            h = self.encoder(x)
        loss = F.binary_cross_entropy_with_logits(self.domains(h).squeeze(1), d)
        loss.backward()
        self.domain_opt.step()
        return loss.item()


def sample(n: int) -> tuple[Tensor, Tensor, Tensor]:
    d = torch.randint(0, 2, (n,)).float()
    x = torch.randn(n, 8) + 0.5 * d[:, None]
    y = (x[:, 0] - x[:, 1] * x[:, 2] > 0).long()
    return x, y, d


cfg = DannConfig()
torch.manual_seed(13)
dann = Dann(cfg)
for step in range(cfg.steps):
    x, y, d = sample(cfg.batch)
    task = dann.task_step(x, y, d)
    domain = dann.domain_step(x, d)
    if step % 40 == 39:
        print(f"step {step} task {task:.3f} domain {domain:.3f}")
