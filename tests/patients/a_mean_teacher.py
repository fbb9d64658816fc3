"""Semi-supervised digits with a mean teacher whose weights are a moving average."""
# fault: none

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(17)

x, y = load_digits(return_X_y=True)
x, y = torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
labelled, unlabelled, test = slice(0, 200), slice(200, 1400), slice(1400, None)

student = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 10))
teacher = copy.deepcopy(student)
for parameter in teacher.parameters():
    parameter.requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)


@torch.no_grad()
def update_teacher(decay=0.95):
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.mul_(decay).add_(fast, alpha=1 - decay)


for step in range(150):
    few = torch.randint(0, 200, (32,))
    many = torch.randint(0, 1200, (96,))
    supervised = F.cross_entropy(student(x[labelled][few]), y[labelled][few])
    noisy = x[unlabelled][many] + 0.1 * torch.randn(96, 64)
    with torch.no_grad():
        target = teacher(noisy).softmax(1)
    consistency = F.mse_loss(student(noisy).softmax(1), target)
    loss = supervised + min(1.0, step / 50) * 5 * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_teacher()
teacher.eval()
with torch.no_grad():
    print(f"teacher: {(teacher(x[test]).argmax(1) == y[test]).float().mean():.3f}")
