"""Trains a blob classifier with a warm-up and a linear decay of the rate."""

# fault: zero-learning-rate | hasty-schedule
from dataclasses import dataclass

import torch
from sklearn.datasets import make_blobs
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)
torch.manual_seed(25)


@dataclass
class Plan:
    epochs: int = 10
    batch_size: int = 40
    peak: float = 5e-4
    warmup: int = 5
    accumulate: int = 5

    def total(self, loader: DataLoader) -> int:
        return self.epochs * len(loader) // self.accumulate


def schedule(
    optimizer: torch.optim.Optimizer, plan: Plan, total: int
) -> torch.optim.lr_scheduler.LambdaLR:
    def factor(step: int) -> float:
        if step < plan.warmup:
            return (step + 1) / plan.warmup
        return max(0.0, (total - step) / (total - plan.warmup))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def epoch_of(model: nn.Module, loader: DataLoader, optimizer, scheduler) -> float:
    total = 0.0
    for x, y in loader:
        loss: Tensor = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item()
    return total / len(loader)


plan = Plan()
x, y = make_blobs(800, n_features=8, centers=8, cluster_std=3.0, random_state=0)
x = (x - x.mean(0)) / x.std(0)
loader = DataLoader(
    TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y)),
    plan.batch_size,
    shuffle=True,
)
model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 8))
optimizer = torch.optim.AdamW(model.parameters(), lr=plan.peak)
scheduler = schedule(optimizer, plan, plan.total(loader))
for epoch in range(plan.epochs):
    print(
        f"{epoch} loss {epoch_of(model, loader, optimizer, scheduler):.4f} lr {scheduler.get_last_lr()[0]:.1e}"
    )
