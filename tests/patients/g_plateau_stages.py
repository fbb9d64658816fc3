"""Trains a CNN on the digits in stages, with a schedule and the best epoch noted."""
# fault: hasty-schedule

from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, MultiStepLR
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Plan:
    epochs: int = 8
    milestones: tuple[int, ...] = (4, 6)
    lr: float = 0.05


class Module(nn.Module):
    """A module that knows its loss and its optimizers."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(192, 10),
        )

    def training_step(self, batch: list[Tensor]) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.net(images), labels)

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, LRScheduler]:
        optimizer = torch.optim.SGD(self.parameters(), lr=self.plan.lr, momentum=0.9)
        return optimizer, MultiStepLR(optimizer, list(self.plan.milestones), gamma=0.05)


class Runner:
    def __init__(self, module: Module) -> None:
        self.module = module
        self.optimizer, self.schedule = module.configure_optimizers()

    def advance(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()

    def run(self, loader: DataLoader) -> None:
        for epoch in range(self.module.plan.epochs):
            total = 0.0
            for batch in loader:
                loss = self.module.training_step(batch)
                self.advance(loss)
                total += loss.item()
            print(f"epoch {epoch}: loss {total / len(loader):.4f}")


torch.manual_seed(36)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
images = torch.tensor(X / 16, dtype=torch.float32).view(-1, 1, 8, 8)
loader = DataLoader(TensorDataset(images, torch.tensor(y)), batch_size=90, shuffle=True)
Runner(Module(Plan())).run(loader)
