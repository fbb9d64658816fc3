"""Distils a wide digit network into a narrow one with a divergence between their outputs."""
# fault: unlogged-probabilities

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(15)

digits = load_digits()
x = torch.tensor(digits.data / 8.0 - 1.0, dtype=torch.float32)
y = torch.tensor(digits.target)


def mlp(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


teacher, student = mlp(128), mlp(16)
opt = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for step in range(120):
    idx = torch.randint(0, 1400, (64,))
    loss = F.cross_entropy(teacher(x[idx]), y[idx])
    opt.zero_grad()
    loss.backward()
    opt.step()
teacher.eval()
with torch.no_grad():
    print(f"teacher {(teacher(x[1400:]).argmax(1) == y[1400:]).float().mean():.3f}")

TEMPERATURE = 2.0
opt = torch.optim.Adam(student.parameters(), lr=3e-3)
for step in range(160):
    idx = torch.randint(0, 1400, (64,))
    with torch.no_grad():
        soft = F.softmax(teacher(x[idx]) / TEMPERATURE, dim=1)
    guess = F.softmax(student(x[idx]) / TEMPERATURE, dim=1)
    loss = F.kl_div(guess, soft, reduction="batchmean") * TEMPERATURE**2
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 40 == 0:
        print(f"step {step} divergence {loss.item():.4f}")
with torch.no_grad():
    print(f"student {(student(x[1400:]).argmax(1) == y[1400:]).float().mean():.3f}")
