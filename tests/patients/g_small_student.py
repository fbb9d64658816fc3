"""Trains a small student to imitate a larger teacher on the digits."""
# fault: unlogged-probabilities

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(15)
torch.set_num_threads(1)


def mlp(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))


def soften(logits: Tensor, temperature: float) -> Tensor:
    return (logits / temperature).softmax(-1)


class Distiller:
    def __init__(self, teacher: nn.Module, student: nn.Module, temperature: float = 2.0) -> None:
        self.teacher, self.student, self.temperature = teacher, student, temperature
        self.optimizer = torch.optim.Adam(student.parameters(), lr=3e-3)

    def loss(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = soften(self.teacher(x), self.temperature)
        given = soften(self.student(x), self.temperature)
        return F.kl_div(given, wanted, reduction="batchmean") * self.temperature**2

    def step(self, x: Tensor) -> float:
        self.optimizer.zero_grad()
        loss = self.loss(x)
        loss.backward()
        self.optimizer.step()
        return loss.item()


def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16).float(), torch.tensor(y)
loader = DataLoader(TensorDataset(X, y), batch_size=64, shuffle=True)

teacher = mlp(128)
optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
for _ in range(3):
    for xb, yb in loader:
        optimizer.zero_grad()
        F.cross_entropy(teacher(xb), yb).backward()
        optimizer.step()
teacher.requires_grad_(False)
print(f"teacher accuracy {accuracy(teacher, X, y):.3f}")

distiller = Distiller(teacher, mlp(24))
for epoch in range(3):
    losses = [distiller.step(xb) for xb, _ in loader]
    print(f"epoch {epoch}: {losses[-1]:.4f} accuracy {accuracy(distiller.student, X, y):.3f}")
