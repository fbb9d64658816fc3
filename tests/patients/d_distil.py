"""Distil a bigger digits network into a small one by its softened outputs."""
# fault: unlogged-probabilities

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(23)
TEMPERATURE = 3.0

x, y = load_digits(return_X_y=True)
x = torch.tensor(x / 8 - 1, dtype=torch.float32)
y = torch.tensor(y)
loader = DataLoader(TensorDataset(x[:1300], y[:1300]), batch_size=50, shuffle=True)


def mlp(width):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(x[1300:]).argmax(1) == y[1300:]).float().mean().item()


teacher = mlp(96)
optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(4):
    for xb, yb in loader:
        optimizer.zero_grad()
        F.cross_entropy(teacher(xb), yb).backward()
        optimizer.step()
print(f"teacher accuracy {accuracy(teacher):.3f}")
teacher.requires_grad_(False)

student = mlp(16)
optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)
for epoch in range(6):
    student.train()
    for xb, _ in loader:
        with torch.no_grad():
            soft = F.softmax(teacher(xb) / TEMPERATURE, dim=1)
        guess = F.softmax(student(xb) / TEMPERATURE, dim=1)
        loss = F.kl_div(guess, soft, reduction="batchmean") * TEMPERATURE**2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch} kl {loss.item():.4f} student accuracy {accuracy(student):.3f}")
