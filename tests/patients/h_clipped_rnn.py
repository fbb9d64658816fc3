"""Trains a recurrent network to add up marked numbers, gradients clipped."""

# fault: misplaced-clip
import torch
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(21)


class Adder(nn.Module):
    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1]).squeeze(-1)


def problem(size: int, length: int = 12) -> tuple[Tensor, Tensor]:
    values = torch.rand(size, length)
    marks = torch.zeros(size, length)
    marks[:, : length // 2].scatter_(1, torch.randint(0, length // 2, (size, 1)), 1.0)
    marks[:, length // 2 :].scatter_(1, torch.randint(0, length // 2, (size, 1)), 1.0)
    return torch.stack([values, marks], dim=-1), (values * marks).sum(1)


class Step:
    def __init__(self, model: nn.Module, limit: float) -> None:
        self.model, self.limit = model, limit
        self.optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def _guard(self) -> float:
        return nn.utils.clip_grad_norm_(self.model.parameters(), self.limit).item()

    def __call__(self, x: Tensor, y: Tensor) -> tuple[float, float]:
        self.optimizer.zero_grad()
        loss = 50 * (self.model(x) - y).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss.item(), self._guard()


step = Step(Adder(), limit=0.5)
for iteration in range(120):
    loss, norm = step(*problem(64))
    if iteration % 20 == 0:
        print(f"{iteration} loss {loss:.3f} norm {norm:.3f}")
