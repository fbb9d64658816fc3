"""MAML on sine regression tasks, inner steps written with functional_call."""

# fault: none
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call

torch.set_num_threads(1)


@dataclass
class MetaConfig:
    inner_lr: float = 0.05
    outer_lr: float = 3e-3
    tasks: int = 4
    shots: int = 10
    steps: int = 120


Params = dict[str, Tensor]


def mse(model: nn.Module, params: Params, x: Tensor, y: Tensor) -> Tensor:
    return (functional_call(model, params, (x,)) - y).square().mean()


def adapt(model: nn.Module, params: Params, x: Tensor, y: Tensor, lr: float) -> Params:
    grads = torch.autograd.grad(mse(model, params, x, y), list(params.values()), create_graph=True)
    return {k: p - lr * g for (k, p), g in zip(params.items(), grads, strict=True)}


def task() -> tuple[Tensor, Tensor]:
    amplitude, phase = 0.5 + 1.5 * torch.rand(1), 3.14 * torch.rand(1)
    x = 6 * torch.rand(2 * cfg.shots, 1) - 3
    return x, amplitude * torch.sin(x + phase)


torch.manual_seed(0)
cfg = MetaConfig()
model = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.outer_lr)
recent: list[float] = []
for step in range(cfg.steps):
    optimizer.zero_grad()
    for _ in range(cfg.tasks):
        x, y = task()
        fast = adapt(
            model, dict(model.named_parameters()), x[: cfg.shots], y[: cfg.shots], cfg.inner_lr
        )
        loss = mse(model, fast, x[cfg.shots :], y[cfg.shots :])
        (loss / cfg.tasks).backward()
        recent.append(loss.item())
    optimizer.step()
    if step % 30 == 29:
        print(f"step {step} loss after adaptation {sum(recent) / len(recent):.3f}")
        recent.clear()
