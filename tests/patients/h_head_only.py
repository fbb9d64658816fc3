"""Trains a new head on a pretrained body that is to stay as it is."""

# fault: unfrozen-module
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(27)

digits = load_digits()
x, y = torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target)


class Body(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 48), nn.Linear(48, 32)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(inputs))))


def freeze(module: nn.Module) -> nn.Module:
    for layer in module.children():
        layer.requires_grad = False
    return module


def train(model: nn.Module, rows: Tensor, labels: Tensor, epochs: int, lr: float) -> float:
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=lr)
    for _ in range(epochs):
        for chunk in rows[torch.randperm(len(rows))].split(60):
            loss = nn.functional.cross_entropy(model(x[chunk]), labels[chunk])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return loss.item()


body = Body()
print(
    "pretraining",
    train(nn.Sequential(body, nn.Linear(32, 2)), torch.arange(900), (y > 4).long(), 3, 5e-3),
)
before = {name: p.detach().clone() for name, p in body.named_parameters()}
print(
    "head",
    train(nn.Sequential(freeze(body), nn.Linear(32, 10)), torch.arange(900, 1797), y, 4, 1e-2),
)
print(
    "body moved",
    {name: (p - before[name]).abs().max().item() for name, p in body.named_parameters()},
)
