"""Trains a digit classifier and goes back to the epoch with the lowest validation loss."""
# fault: aliased-best

from dataclasses import dataclass, field

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Keeper:
    loss: float = float("inf")
    epoch: int = -1
    state: dict[str, Tensor] = field(default_factory=dict)

    def offer(self, loss: float, epoch: int, model: nn.Module) -> None:
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            self.state = dict(model.state_dict())


@torch.no_grad()
def validate(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    loss = F.cross_entropy(model(x), y).item()
    model.train()
    return loss


torch.manual_seed(40)
torch.set_num_threads(1)
X, y = load_digits(return_X_y=True)
X, y = torch.tensor(X / 16, dtype=torch.float32), torch.tensor(y)
order = torch.randperm(len(X))
fit, held = order[:300], order[1200:]
loader = DataLoader(TensorDataset(X[fit], y[fit]), batch_size=30, shuffle=True)
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
keeper = Keeper()
for epoch in range(15):
    for xb, yb in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(xb), yb).backward()
        optimizer.step()
    keeper.offer(validate(model, X[held], y[held]), epoch, model)

last = validate(model, X[held], y[held])
model.load_state_dict(keeper.state)
again = validate(model, X[held], y[held])
print(f"best epoch {keeper.epoch}: {keeper.loss:.4f}, last {last:.4f}, restored {again:.4f}")
