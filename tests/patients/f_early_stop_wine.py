"""Wine alcohol content from the other measurements, early stopping with patience."""

# fault: aliased-best
from dataclasses import dataclass, field

import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class EarlyStopping:
    patience: int = 15
    best: float = float("inf")
    bad_epochs: int = 0
    weights: dict[str, Tensor] = field(default_factory=dict)

    def update(self, value: float, model: nn.Module) -> bool:
        """Remembers the best model so far; true when it is time to stop."""
        if value < self.best:
            self.best, self.bad_epochs = value, 0
            self.weights = model.state_dict()
        else:
            self.bad_epochs += 1
        return self.bad_epochs >= self.patience

    def restore(self, model: nn.Module) -> None:
        model.load_state_dict(self.weights)


def split(x: Tensor, y: Tensor, n: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    order = torch.randperm(len(x))
    return (x[order[:n]], y[order[:n]]), (x[order[n:]], y[order[n:]])


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        value = nn.functional.mse_loss(model(x), y).item()
    model.train()
    return value


torch.manual_seed(0)
data = torch.tensor(load_wine().data, dtype=torch.float32)
data = (data - data.mean(0)) / data.std(0)
(x, y), val = split(data[:, 1:], data[:, :1], 100)
model = nn.Sequential(nn.Linear(12, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
stopper = EarlyStopping()
for epoch in range(80):
    for idx in torch.randperm(len(x)).split(25):
        loss = nn.functional.mse_loss(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if stopper.update(evaluate(model, *val), model):
        break
stopper.restore(model)
print(f"stopped at {epoch}, best {stopper.best:.4f}, restored {evaluate(model, *val):.4f}")
