"""Trains wine classification inside a home-made trainer with modules, callbacks and hooks."""

# fault: none
from collections.abc import Callable
from typing import Any

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(34)


class Task(nn.Module):
    def __init__(self, lr: float) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.BatchNorm1d(13), nn.Linear(13, 32), nn.Mish(), nn.Dropout(0.1), nn.Linear(32, 3)
        )
        self.lr = lr

    def training_step(self, batch: list[Tensor]) -> Tensor:
        x, y = batch
        return nn.functional.cross_entropy(self.net(x), y)

    def validation_step(self, batch: list[Tensor]) -> dict[str, float]:
        x, y = batch
        scores = self.net(x)
        return {"accuracy": (scores.argmax(1) == y).float().mean().item()}

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.NAdam(self.parameters(), lr=self.lr)


class Trainer:
    def __init__(self, epochs: int, callbacks: list[Callable[[int, dict[str, Any]], None]]) -> None:
        self.epochs, self.callbacks = epochs, callbacks

    def fit(self, task: Task, train: DataLoader, valid: DataLoader) -> None:
        optimizer = task.configure_optimizers()
        for epoch in range(self.epochs):
            task.train()
            for batch in train:
                loss = self._optimise(task, optimizer, batch)
            logs = {"loss": loss, **self._evaluate(task, valid)}
            for callback in self.callbacks:
                callback(epoch, logs)

    def _optimise(self, task: Task, optimizer: torch.optim.Optimizer, batch: list[Tensor]) -> float:
        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = task.training_step(batch)
            loss.backward()
            return loss

        return optimizer.step(closure).item()

    @torch.no_grad()
    def _evaluate(self, task: Task, valid: DataLoader) -> dict[str, float]:
        task.eval()
        outputs = [task.validation_step(batch) for batch in valid]
        return {"accuracy": sum(o["accuracy"] for o in outputs) / len(outputs)}


data, target = load_wine(return_X_y=True)
x, y = torch.tensor((data - data.mean(0)) / data.std(0), dtype=torch.float32), torch.tensor(target)
order = torch.randperm(178)
train = DataLoader(TensorDataset(x[order[:138]], y[order[:138]]), batch_size=23, shuffle=True)
valid = DataLoader(TensorDataset(x[order[138:]], y[order[138:]]), batch_size=20)
seen: list[float] = []
Trainer(10, [lambda e, logs: print(e, logs), lambda e, logs: seen.append(logs["accuracy"])]).fit(
    Task(5e-3), train, valid
)
assert seen[-1] > 0.9
