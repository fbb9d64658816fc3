"""Stochastic weight averaging, batch-norm statistics estimated again for the average."""

# fault: none
from dataclasses import dataclass

import torch
from sklearn.datasets import make_circles
from torch import nn
from torch.optim.swa_utils import SWALR, AveragedModel, update_bn
from torch.utils.data import DataLoader, TensorDataset

torch.set_num_threads(1)


@dataclass
class SwaConfig:
    epochs: int = 12
    start: int = 6
    lr: float = 0.1
    swa_lr: float = 0.05


def build() -> nn.Module:
    return nn.Sequential(
        nn.Linear(2, 32),
        nn.BatchNorm1d(32),
        nn.ReLU(),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Linear(32, 2),
    )


@torch.no_grad()
def accuracy(model: nn.Module, data: TensorDataset) -> float:
    model.eval()
    x, y = data.tensors
    hit = (model(x).argmax(1) == y).float().mean().item()
    model.train()
    return hit


def dataset(n: int, seed: int) -> TensorDataset:
    x, y = make_circles(n, noise=0.1, factor=0.5, random_state=seed)
    return TensorDataset(torch.tensor(x, dtype=torch.float32), torch.tensor(y))


torch.manual_seed(0)
cfg = SwaConfig()
train, test = dataset(500, 0), dataset(200, 1)
loader = DataLoader(train, batch_size=50, shuffle=True)
model = build()
average = AveragedModel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=cfg.lr, momentum=0.9)
schedule = SWALR(optimizer, swa_lr=cfg.swa_lr, anneal_epochs=2)
for epoch in range(cfg.epochs):
    for x, y in loader:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if epoch >= cfg.start:
        average.update_parameters(model)
        schedule.step()
    print(f"epoch {epoch} loss {loss.item():.3f} accuracy {accuracy(model, test):.3f}")
update_bn(loader, average)
print(f"average: {accuracy(average, test):.3f}")
