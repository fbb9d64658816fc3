"""Trains a hand-written recurrent cell to add up marked numbers of ever longer sequences."""
# fault: exploding-gradient

import torch
from torch import Tensor, nn

torch.manual_seed(29)
torch.set_num_threads(1)


class Cell(nn.Module):
    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.inp = nn.Linear(inputs, hidden)
        self.rec = nn.Linear(hidden, hidden, bias=False)
        nn.init.orthogonal_(self.rec.weight, gain=1.3)

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.relu(self.inp(x) + self.rec(h)) - 0.1 * h


class Adder(nn.Module):
    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.hidden = hidden
        self.cell = Cell(2, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(x.shape[0], self.hidden)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.out(h).squeeze(1)


def problem(n: int, length: int) -> tuple[Tensor, Tensor]:
    values = torch.rand(n, length)
    marks = (torch.rand(n, length) < 0.2).float()
    return torch.stack([values, marks], -1), (values * marks).sum(1)


model = Adder()
optimizer = torch.optim.SGD(model.parameters(), lr=2e-4)
for i in range(120):
    x, total = problem(32, length=8 + i // 2)
    loss = nn.functional.mse_loss(model(x), total)
    optimizer.zero_grad()
    loss.backward()
    norm = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
    optimizer.step()
    if i % 10 == 0:
        print(f"iteration {i}: loss {loss.item():.4g} norm {norm.item():.4g}")
