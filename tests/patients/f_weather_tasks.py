"""Two tasks from one trunk: tomorrow's temperature and whether it will rain."""

# fault: detached-loss
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

torch.set_num_threads(1)


@dataclass
class MultiTaskConfig:
    width: int = 32
    lr: float = 1e-2
    steps: int = 150
    weights: dict[str, float] = field(default_factory=lambda: {"temp": 1.0, "rain": 0.5})


class Trunk(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(6, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.temp = nn.Linear(width, 1)
        self.rain = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = self.body(x)
        return {"temp": self.temp(h).squeeze(-1), "rain": self.rain(h).squeeze(-1)}


class Balancer:
    """Combines the tasks' losses and remembers each one for the log."""

    def __init__(self, weights: dict[str, float]) -> None:
        self.weights = torch.tensor(list(weights.values()))
        self.history: list[list[float]] = []

    def combine(self, losses: dict[str, Tensor]) -> Tensor:
        values = [value.item() for value in losses.values()]
        self.history.append(values)
        stacked = torch.tensor(values, requires_grad=True)
        return (stacked * self.weights).sum()


def task_losses(out: dict[str, Tensor], temp: Tensor, rain: Tensor) -> dict[str, Tensor]:
    return {
        "temp": nn.functional.smooth_l1_loss(out["temp"], temp),
        "rain": nn.functional.binary_cross_entropy_with_logits(out["rain"], rain),
    }


torch.manual_seed(2)
x = torch.randn(900, 6)
temp = x[:, 0] - 0.5 * x[:, 1] * x[:, 2]
rain = ((x[:, 3] + x[:, 4]) > 0).float()

cfg = MultiTaskConfig()
model, balancer = Trunk(cfg.width), Balancer(cfg.weights)
optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
for step in range(cfg.steps):
    idx = torch.randint(0, 900, (64,))
    loss = balancer.combine(task_losses(model(x[idx]), temp[idx], rain[idx]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 30 == 29:
        print(step, [round(v, 3) for v in balancer.history[-1]])
