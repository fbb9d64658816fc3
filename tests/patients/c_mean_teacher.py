"""Mean teacher: the teacher is a copy that no optimizer holds and that follows the student."""

# fault: none
import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(107)

points, labels = make_moons(1000, noise=0.1, random_state=0)
x, y = torch.tensor(points, dtype=torch.float32), torch.tensor(labels)

student = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=5e-3)

for step in range(200):
    few = torch.randint(0, 60, (16,))
    many = torch.randint(0, 900, (64,))
    supervised = F.cross_entropy(student(x[few]), y[few])
    target = teacher(x[many] + 0.05 * torch.randn(64, 2)).softmax(1)
    consistency = F.mse_loss(student(x[many] + 0.05 * torch.randn(64, 2)).softmax(1), target)
    loss = supervised + min(1.0, step / 100) * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters()):
            slow.lerp_(fast, 0.05)

with torch.no_grad():
    print("teacher accuracy", (teacher(x[900:]).argmax(1) == y[900:]).float().mean().item())
