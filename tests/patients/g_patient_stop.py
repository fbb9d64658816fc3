"""Trains a diabetes regressor with early stopping and a rate that falls on plateaus."""
# fault: none

import copy
from dataclasses import dataclass

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class EarlyStopping:
    patience: int = 4
    best: float = float("inf")
    waited: int = 0
    state: dict | None = None

    def stop(self, loss: float, model: nn.Module) -> bool:
        if loss < self.best - 1e-4:
            self.best, self.waited = loss, 0
            self.state = copy.deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        return nn.functional.mse_loss(model(x).squeeze(-1), y).item()


torch.manual_seed(37)
torch.set_num_threads(1)
data = load_diabetes()
x = torch.tensor(data.data, dtype=torch.float32)
y = torch.tensor(data.target, dtype=torch.float32)
x, y = (x - x[:340].mean(0)) / x[:340].std(0), (y - y[:340].mean()) / y[:340].std()
loader = DataLoader(TensorDataset(x[:340], y[:340]), batch_size=34, shuffle=True)
model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-2)
plateau = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
stopping = EarlyStopping()
for epoch in range(40):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(xb).squeeze(-1), yb)
        loss.backward()
        optimizer.step()
        total += loss.item()
    held = evaluate(model, x[340:], y[340:])
    plateau.step(held)
    print(f"epoch {epoch}: train {total / len(loader):.4f} held-out {held:.4f}")
    if stopping.stop(held, model):
        break
model.load_state_dict(stopping.state)
print(f"best {stopping.best:.4f}, restored {evaluate(model, x[340:], y[340:]):.4f}")
