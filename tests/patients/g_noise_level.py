"""Trains a network that predicts a mean and a variance, by likelihood."""
# fault: none

import torch
from torch import Tensor, nn

torch.manual_seed(20)
torch.set_num_threads(1)


class MeanAndNoise(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh())
        self.mean = nn.Linear(48, 1)
        self.log_var = nn.Linear(48, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.body(x)
        return self.mean(h), self.log_var(h).clamp(-9, 3)


def nll(mean: Tensor, log_var: Tensor, y: Tensor) -> Tensor:
    return 0.5 * (log_var + (y - mean).square() * (-log_var).exp()).mean()


x = 2 * torch.rand(800, 1) - 1
y = torch.sin(3 * x) + (0.02 + 0.05 * x.abs()) * torch.randn_like(x)
model = MeanAndNoise()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
for i in range(300):
    rows = torch.randint(0, len(x), (80,))
    mean, log_var = model(x[rows])
    loss = nll(mean, log_var, y[rows])
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    if i % 60 == 59:
        print(f"iteration {i + 1}: loss {loss.item():.4f}")
