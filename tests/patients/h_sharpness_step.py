"""Trains a digits classifier with sharpness-aware minimisation: two backwards for one update."""

# fault: none
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(25)


class Sam:
    def __init__(self, params, rho: float, **kwargs) -> None:
        self.params = list(params)
        self.rho = rho
        self.base = torch.optim.SGD(self.params, **kwargs)
        self.offsets: list[Tensor] = []

    @torch.no_grad()
    def ascend(self) -> None:
        norm = torch.stack([p.grad.norm() for p in self.params]).norm() + 1e-12
        self.offsets = [p.grad * (self.rho / norm) for p in self.params]
        for p, offset in zip(self.params, self.offsets):
            p.add_(offset)

    @torch.no_grad()
    def descend(self) -> None:
        for p, offset in zip(self.params, self.offsets):
            p.sub_(offset)
        self.base.step()


digits = load_digits()
x = torch.tensor(digits.data / 16, dtype=torch.float32)
y = torch.tensor(digits.target)
model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
sam = Sam(model.parameters(), rho=0.05, lr=0.1, momentum=0.9)
criterion = nn.CrossEntropyLoss()


def training_step(inputs: Tensor, targets: Tensor) -> float:
    sam.base.zero_grad()
    loss = criterion(model(inputs), targets)
    loss.backward()
    sam.ascend()
    sam.base.zero_grad()
    criterion(model(inputs), targets).backward()
    sam.descend()
    return loss.item()


curve = [
    training_step(x[rows], y[rows]) for _ in range(5) for rows in torch.randperm(len(x)).split(90)
]
print(f"{curve[0]:.3f} -> {curve[-1]:.3f}")
assert curve[-1] < 0.2 * curve[0]
