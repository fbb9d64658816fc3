"""Trains a regression and goes back to the weights of its best epoch at the end."""

# fault: aliased-best
from dataclasses import dataclass

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(29)


@dataclass
class Keeper:
    best: float = float("inf")
    epoch: int = -1
    state: dict[str, Tensor] | None = None

    def offer(self, score: float, epoch: int, model: nn.Module) -> None:
        if score < self.best:
            self.best, self.epoch = score, epoch
            self.state = {name: value for name, value in model.state_dict().items()}

    def restore(self, model: nn.Module) -> None:
        if self.state is not None:
            model.load_state_dict(self.state)


x, y = load_diabetes(return_X_y=True)
x = torch.tensor((x - x.mean(0)) / x.std(0), dtype=torch.float32)
y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
train_x, train_y, valid_x, valid_y = x[:340], y[:340], x[340:], y[340:]
model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
keeper = Keeper()


@torch.no_grad()
def validate() -> float:
    model.eval()
    return nn.functional.mse_loss(model(valid_x), valid_y).item()


for epoch in range(15):
    model.train()
    for rows in torch.randperm(340).split(34):
        loss = nn.functional.mse_loss(model(train_x[rows]), train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    keeper.offer(validate(), epoch, model)
keeper.restore(model)
print(
    f"train {loss.item():.3f} best {keeper.best:.4f} at {keeper.epoch}, after going back {validate():.4f}"
)
