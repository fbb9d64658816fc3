"""No optimizer at all: weights are changed under no_grad and gradients zeroed in place."""

from __future__ import annotations

import torch


def main() -> None:
    x = torch.randn(64, 3)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]]) + 0.1
    w = torch.randn(3, 1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    for _ in range(60):
        loss = (x @ w + b - y).pow(2).mean()
        loss.backward()
        with torch.no_grad():
            for one in (w, b):
                assert one.grad is not None
                one -= 0.1 * one.grad
                one.grad.zero_()
