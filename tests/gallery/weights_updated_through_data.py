"""The old tutorial style: ``w.data -= rate * w.grad.data`` and ``w.grad.data.zero_()``."""

from __future__ import annotations

import torch


def main() -> None:
    x, y = torch.randn(64, 10), torch.randn(64, 2)
    w1 = torch.randn(10, 20, requires_grad=True)
    w2 = torch.randn(20, 2, requires_grad=True)
    for _ in range(60):
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        for w in (w1, w2):
            assert w.grad is not None
            w.data -= 1e-4 * w.grad.data
            w.grad.data.zero_()
