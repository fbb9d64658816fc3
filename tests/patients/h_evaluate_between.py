"""Trains a digits classifier with a look at the held-out digits every few updates."""

# fault: eval-mode-training
from dataclasses import dataclass, field

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(4)


@dataclass
class Session:
    model: nn.Module
    optimizer: torch.optim.Optimizer
    scores: list[float] = field(default_factory=list)

    def evaluate(self, x: Tensor, y: Tensor) -> float:
        self.model.eval()
        with torch.no_grad():
            return (self.model(x).argmax(1) == y).float().mean().item()

    def update(self, x: Tensor, y: Tensor) -> float:
        self.optimizer.zero_grad()
        loss = nn.functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.item()


digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)
net = nn.Sequential(
    nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)
)
session = Session(net, torch.optim.Adam(net.parameters(), lr=3e-3))
net.train()
for epoch in range(5):
    for step, rows in enumerate(torch.randperm(1400).split(70)):
        loss = session.update(x[rows], y[rows])
        if step % 10 == 9:
            session.scores.append(session.evaluate(x[1400:], y[1400:]))
    print(f"epoch {epoch} loss {loss:.3f} held-out {session.scores[-1]:.3f}")
