"""Distillation: a teacher in eval mode without gradients, soft targets, KL of log_softmax."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn


def main() -> None:
    teacher = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, 4)).eval()
    student = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    optimizer = torch.optim.SGD(student.parameters(), 0.1)
    for _ in range(50):
        x = torch.randn(32, 8)
        with torch.no_grad():
            soft = F.softmax(teacher(x) / 2, dim=1)
        logits = student(x)
        loss = F.kl_div(F.log_softmax(logits / 2, dim=1), soft, reduction="batchmean") * 4
        loss = loss + 0.1 * F.cross_entropy(logits, soft)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
