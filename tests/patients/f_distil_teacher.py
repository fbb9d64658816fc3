"""Distil a wide digits network into a narrow one, teacher trained in the same script."""

# fault: unlogged-probabilities
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(9)


@dataclass(frozen=True)
class KD:
    temperature: float = 3.0
    batch: int = 64
    teacher_steps: int = 80
    student_steps: int = 160


def mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def soften(logits: Tensor, t: float) -> Tensor:
    return F.softmax(logits / t, dim=-1)


def kd_loss(student: Tensor, teacher: Tensor, t: float) -> Tensor:
    return F.kl_div(soften(student, t), soften(teacher, t), reduction="batchmean") * t * t


def batches(n: int, size: int, steps: int):
    for _ in range(steps):
        yield torch.randint(0, n, (size,))


cfg = KD()
raw = load_digits()
x = torch.tensor(raw.data, dtype=torch.float32) / 16
y = torch.tensor(raw.target)
xt, yt, xv, yv = x[:1400], y[:1400], x[1400:], y[1400:]

teacher = mlp(128)
optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for idx in batches(len(xt), cfg.batch, cfg.teacher_steps):
    optimizer.zero_grad()
    F.cross_entropy(teacher(xt[idx]), yt[idx]).backward()
    optimizer.step()
teacher.requires_grad_(False).eval()
print("teacher", (teacher(xv).argmax(1) == yv).float().mean().item())

student = mlp(16)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
for step, idx in enumerate(batches(len(xt), cfg.batch, cfg.student_steps)):
    loss = kd_loss(student(xt[idx]), teacher(xt[idx]), cfg.temperature)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 40 == 39:
        with torch.no_grad():
            acc = (student(xv).argmax(1) == yv).float().mean().item()
        print(f"student step {step} loss {loss.item():.4f} acc {acc:.3f}")
