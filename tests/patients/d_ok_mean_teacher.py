"""Semi-supervised digits: an averaged teacher in train mode guides the student."""
# fault: none

import copy

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.set_num_threads(1)
torch.manual_seed(77)

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 16, dtype=torch.float32)
y = torch.tensor(y)
labelled, unlabelled = torch.arange(200), torch.arange(200, 1400)

student = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
teacher = copy.deepcopy(student).requires_grad_(False)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)


def jitter(batch):
    return batch + 0.05 * torch.randn_like(batch)


@torch.no_grad()
def follow(decay):
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.mul_(decay).add_(fast, alpha=1 - decay)


for step in range(200):
    student.train()
    teacher.train()
    rows = labelled[torch.randint(0, 200, (32,))]
    more = unlabelled[torch.randint(0, 1200, (64,))]
    supervised = F.cross_entropy(student(jitter(x[rows])), y[rows])
    with torch.no_grad():
        wish = F.softmax(teacher(jitter(x[more])), dim=1)
    consistency = F.mse_loss(F.softmax(student(jitter(x[more])), dim=1), wish)
    loss = supervised + 5.0 * min(1.0, step / 100) * consistency
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    follow(min(0.98, 1 - 1 / (step + 1)))
    if step % 40 == 39:
        teacher.eval()
        with torch.no_grad():
            acc = (teacher(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
        print(f"step {step + 1} loss {loss.item():.4f} teacher accuracy {acc:.3f}")
