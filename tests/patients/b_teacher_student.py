"""Knowledge distillation: a KL term on softened outputs and a cross-entropy on the labels."""
# fault: none
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.set_num_threads(1)
torch.manual_seed(80)
T, ALPHA = 4.0, 0.7

digits = load_digits()
x = torch.tensor(digits.data, dtype=torch.float32) / 16
y = torch.tensor(digits.target)


def network(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def batches():
    for rows in torch.randperm(1500).split(50):
        yield x[rows], y[rows]


teacher = network(128)
optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(6):
    for xb, yb in batches():
        loss = F.cross_entropy(teacher(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
teacher.eval().requires_grad_(False)

student = network(16)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
for epoch in range(6):
    for xb, yb in batches():
        scores = student(xb)
        soft = F.kl_div(F.log_softmax(scores / T, 1), F.softmax(teacher(xb) / T, 1), reduction="batchmean")
        loss = ALPHA * T * T * soft + (1 - ALPHA) * F.cross_entropy(scores, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        print("epoch", epoch, "student", (student(x[1500:]).argmax(1) == y[1500:]).float().mean().item())
