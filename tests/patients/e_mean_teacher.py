"""Trains with few labels and a teacher that is the moving average of the student."""
# fault: none

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(23)

digits = load_digits()
x = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
few, many, test = slice(0, 100), slice(100, 1300), slice(1300, None)

student = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 10))
teacher = copy.deepcopy(student)
teacher.requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)

for step in range(200):
    student.train()
    teacher.train()  # the teacher's predictions are noisy as well, as in the paper
    i = torch.randint(0, 100, (25,))
    j = torch.randint(0, 1200, (50,))
    with torch.no_grad():
        goal = teacher(x[many][j]).softmax(1)
    supervised = F.cross_entropy(student(x[few][i]), y[few][i])
    consistency = F.mse_loss(student(x[many][j]).softmax(1), goal)
    loss = supervised + min(1.0, step / 80) * 5 * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters()):
            slow.lerp_(fast, 0.05)
    if step % 50 == 49:
        teacher.eval()
        with torch.no_grad():
            acc = (teacher(x[test]).argmax(1) == y[test]).float().mean().item()
        print(f"{step + 1}: loss {loss.item():.3f} teacher accuracy {acc:.3f}")
