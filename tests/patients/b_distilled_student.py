"""Distil a wide teacher into a narrow student on two moons."""
# fault: unlogged-probabilities
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(21)

points, labels = make_moons(600, noise=0.15, random_state=0)
points = torch.tensor(points, dtype=torch.float32)
labels = torch.tensor(labels)
loader = DataLoader(TensorDataset(points, labels), batch_size=60, shuffle=True)


def mlp(width):
    return nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))


def train_teacher(epochs=6):
    teacher = mlp(64)
    optimizer = torch.optim.Adam(teacher.parameters(), lr=1e-2)
    for _ in range(epochs):
        for xb, yb in loader:
            loss = F.cross_entropy(teacher(xb), yb)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return teacher.eval()


def distil(teacher, temperature=3.0, epochs=10):
    student = mlp(8)
    optimizer = torch.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(epochs):
        for xb, _ in loader:
            with torch.no_grad():
                soft_targets = F.softmax(teacher(xb) / temperature, dim=1)
            student_out = F.softmax(student(xb) / temperature, dim=1)
            loss = F.kl_div(student_out, soft_targets, reduction="batchmean") * temperature**2
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(f"epoch {epoch} distillation loss {loss.item():.4f}")
    return student


teacher = train_teacher()
student = distil(teacher)
with torch.no_grad():
    print("teacher", (teacher(points).argmax(1) == labels).float().mean().item())
    print("student", (student(points).argmax(1) == labels).float().mean().item())
