"""Heart risk (synthetic) with early stopping, the best weights copied, a plateau schedule."""

# fault: none
import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from sklearn.datasets import make_classification
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class Best:
    loss: float = float("inf")
    epoch: int = -1
    state: dict[str, Tensor] | None = None

    def offer(self, loss: float, epoch: int, model: nn.Module) -> None:
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            self.state = copy.deepcopy(model.state_dict())


def evaluate(model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        value = nn.functional.binary_cross_entropy_with_logits(model(x).squeeze(1), y).item()
    model.train()
    return value


def train(model: nn.Module, x: Tensor, y: Tensor, patience: int = 4) -> Best:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    best = Best()
    for epoch in range(25):
        for idx in torch.randperm(600).split(50):
            loss = nn.functional.binary_cross_entropy_with_logits(model(x[idx]).squeeze(1), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        val = evaluate(model, x[600:], y[600:])
        schedule.step(val)
        best.offer(val, epoch, model)
        print(f"epoch {epoch} train {loss.item():.3f} val {val:.3f}")
        if epoch - best.epoch >= patience:
            break
    return best


torch.manual_seed(0)
raw, label = make_classification(800, n_features=12, n_informative=6, flip_y=0.02, random_state=4)
x = torch.tensor(raw, dtype=torch.float32)
x = (x - x.mean(0)) / x.std(0)
y = torch.tensor(label, dtype=torch.float32)
model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))
best = train(model, x, y)
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "best.pt"
    torch.save(best.state, path)
    model.load_state_dict(torch.load(path, weights_only=True))
print(f"best {best.loss:.4f} restored {evaluate(model, x[600:], y[600:]):.4f}")
