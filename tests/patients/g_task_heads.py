"""Trains one trunk for two tasks on wine: the cultivar and the alcohol content."""
# fault: unregistered-module

from dataclasses import dataclass

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass
class Task:
    name: str
    outputs: int


class MultiTask(nn.Module):
    def __init__(self, inputs: int, tasks: list[Task], width: int = 32) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(inputs, width), nn.ReLU())
        self.heads = {
            task.name: nn.Sequential(
                nn.Linear(width, width), nn.ReLU(), nn.Linear(width, task.outputs)
            )
            for task in tasks
        }

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        shared = self.trunk(x)
        return {name: head(shared) for name, head in self.heads.items()}


def total_loss(outputs: dict[str, Tensor], cultivar: Tensor, alcohol: Tensor) -> Tensor:
    classes = F.cross_entropy(outputs["cultivar"], cultivar)
    content = F.mse_loss(outputs["alcohol"].squeeze(1), alcohol)
    return classes + content


torch.manual_seed(7)
torch.set_num_threads(1)
data, labels = load_wine(return_X_y=True)
data = torch.tensor(data, dtype=torch.float32)
data = (data - data.mean(0)) / data.std(0)
alcohol, x, cultivar = data[:, 0], data[:, 1:], torch.tensor(labels)

model = MultiTask(12, [Task("cultivar", 3), Task("alcohol", 1)])
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
print("parameters:", sum(p.numel() for p in model.parameters()))

for epoch in range(15):
    order = torch.randperm(len(x))
    for rows in order.split(32):
        optimizer.zero_grad()
        loss = total_loss(model(x[rows]), cultivar[rows], alcohol[rows])
        loss.backward()
        optimizer.step()
    if epoch % 5 == 4:
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}")
