"""Trains a shared trunk on a class and a number, the two losses weighed by learned uncertainties."""

# fault: none
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn

torch.set_num_threads(1)
torch.manual_seed(16)

wine = load_wine()
table = torch.tensor(wine.data, dtype=torch.float32)
table = (table - table.mean(0)) / table.std(0)
inputs, alcohol, grape = table[:, 1:], table[:, :1], torch.tensor(wine.target)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 32), nn.ELU())
        self.number, self.kind = nn.Linear(32, 1), nn.Linear(32, 3)
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.trunk(x)
        return self.number(hidden), self.kind(hidden)

    def combine(self, *losses: Tensor) -> Tensor:
        return sum(loss * (-s).exp() + s for loss, s in zip(losses, self.log_vars))


model = TwoHeads()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
history: list[tuple[float, float]] = []
for step in range(150):
    number, kind = model(inputs)
    regression = nn.functional.mse_loss(number, alcohol)
    classification = nn.functional.cross_entropy(kind, grape)
    optimizer.zero_grad()
    model.combine(regression, classification).backward()
    optimizer.step()
    history.append((regression.item(), classification.item()))
print(history[0], history[-1], model.log_vars.data)
assert history[-1][0] < 0.6 * history[0][0] and history[-1][1] < 0.3
