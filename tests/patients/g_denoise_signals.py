"""Trains a denoiser of synthetic signals."""
# fault: retained-graph

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Weights:
    value: float = 1.0
    slope: float = 0.5


def signals(n: int, length: int = 48) -> tuple[Tensor, Tensor]:
    t = torch.linspace(0, 6.28, length)
    clean = torch.sin(t * (1 + 2 * torch.rand(n, 1)) + 6.28 * torch.rand(n, 1))
    return clean + 0.4 * torch.randn(n, length), clean


def losses(output: Tensor, clean: Tensor, weights: Weights) -> dict[str, Tensor]:
    return {
        "value": weights.value * (output - clean).square().mean(),
        "slope": weights.slope * (output.diff(dim=1) - clean.diff(dim=1)).square().mean(),
    }


def optimise(parts: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> float:
    total = torch.stack(list(parts.values())).sum()
    optimizer.zero_grad()
    total.backward(retain_graph=True)
    optimizer.step()
    return total.item()


torch.manual_seed(31)
torch.set_num_threads(1)
model = nn.Sequential(
    nn.Unflatten(1, (1, 48)),
    nn.Conv1d(1, 16, 9, padding=4),
    nn.GELU(),
    nn.Conv1d(16, 1, 9, padding=4),
    nn.Flatten(),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for i in range(150):
    noisy, clean = signals(32)
    total = optimise(losses(model(noisy), clean, Weights()), optimizer)
    if i % 30 == 29:
        print(f"iteration {i + 1}: {total:.4f}")
