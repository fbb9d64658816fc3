"""Trains a regressor on the diabetes data with accumulated gradients."""
# fault: leftover-gradient
# missed: the rest of an epoch is cleared by the call that begins the next window, as a window given up on purpose is

from collections.abc import Iterator

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn


def standardise(values) -> Tensor:
    x = torch.tensor(values, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0)


def batches(n: int, size: int) -> Iterator[Tensor]:
    yield from torch.randperm(n).split(size)


class Accumulator:
    def __init__(self, optimizer: torch.optim.Optimizer, every: int) -> None:
        self.optimizer, self.every, self.pending = optimizer, every, 0

    def start(self) -> None:
        self.optimizer.zero_grad()
        self.pending = 0

    def add(self, loss: Tensor) -> None:
        (loss / self.every).backward()
        self.pending += 1
        if self.pending == self.every:
            self.optimizer.step()
            self.start()


torch.manual_seed(26)
torch.set_num_threads(1)
data = load_diabetes()
x, y = standardise(data.data), standardise(data.target)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
accumulator = Accumulator(torch.optim.AdamW(model.parameters(), lr=1e-2), every=8)
for epoch in range(20):
    accumulator.start()
    losses = []
    for rows in batches(len(x), 32):
        loss = nn.functional.mse_loss(model(x[rows]), y[rows])
        accumulator.add(loss)
        losses.append(loss.item())
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: {len(losses)} batches, mse {sum(losses) / len(losses):.4f}")
