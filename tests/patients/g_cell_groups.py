"""Trains a breast cancer classifier with a Trainer that calls hooks."""
# fault: erased-gradient

from collections.abc import Callable

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

Hook = Callable[["Trainer"], None]


class Trainer:
    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.model, self.optimizer = model, optimizer
        self.hooks: dict[str, list[Hook]] = {"before_step": [], "after_step": []}
        self.losses: list[float] = []

    def on(self, event: str, hook: Hook) -> None:
        self.hooks[event].append(hook)

    def emit(self, event: str) -> None:
        for hook in self.hooks[event]:
            hook(self)

    def train_batch(self, x: Tensor, y: Tensor) -> None:
        loss = nn.functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.losses.append(loss.item())
        self.emit("before_step")
        self.optimizer.step()
        self.emit("after_step")


def clear(trainer: Trainer) -> None:
    trainer.optimizer.zero_grad()


def report(trainer: Trainer) -> None:
    if len(trainer.losses) % 25 == 0:
        print(f"batch {len(trainer.losses)}: loss {sum(trainer.losses[-25:]) / 25:.4f}")


torch.manual_seed(24)
torch.set_num_threads(1)
X, y = load_breast_cancer(return_X_y=True)
X = torch.tensor(StandardScaler().fit_transform(X), dtype=torch.float32)
loader = DataLoader(TensorDataset(X, torch.tensor(y)), batch_size=23, shuffle=True)
model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))
trainer = Trainer(model, torch.optim.Adam(model.parameters(), lr=1e-3))
trainer.on("before_step", clear)
trainer.on("after_step", report)
for _ in range(5):
    for batch in loader:
        trainer.train_batch(*batch)
